use std::time::Instant;

use fallible_iterator::FallibleIterator as _;
use postgres_protocol::{
    authentication::{
        md5_hash,
        sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256},
    },
    message::{backend::Message, frontend},
};
use secrecy::ExposeSecret;

use crate::{
    Config,
    cause::Cause,
    wire::{Reported, Wire},
};

/// A server may ask for this many rounds of hashing the password, and no more.
const MOST_ROUNDS: u32 = 1_000_000;

/// Says who we are, proves it, and waits until the server is ready.
pub(crate) fn log_in(wire: &mut Wire, config: &Config, deadline: Instant) -> Result<(), Cause> {
    let parameters = [
        ("user", config.user.as_str()),
        ("database", config.database.as_str()),
        ("application_name", "strongroom"),
        ("client_encoding", "UTF8"),
        ("standard_conforming_strings", "on"),
    ];
    frontend::startup_message(parameters, &mut wire.outgoing).map_err(|_| Cause::Protocol)?;
    wire.send(deadline)?;
    prove(wire, config, deadline)?;
    loop {
        match wire.next(deadline)? {
            Message::BackendKeyData(_) => {}
            Message::ReadyForQuery(_) => return Ok(()),
            Message::ErrorResponse(body) => return Err(Cause::Server(Reported::read(&body)?.state)),
            _ => return Err(Cause::Protocol),
        }
    }
}

fn prove(wire: &mut Wire, config: &Config, deadline: Instant) -> Result<(), Cause> {
    let password = || {
        let password = config.password.as_ref().ok_or(Cause::NoPassword)?;
        Ok::<_, Cause>(password.expose_secret().as_bytes())
    };
    match wire.next(deadline)? {
        Message::AuthenticationOk => return Ok(()),
        Message::AuthenticationSasl(body) => {
            if !body.mechanisms().any(|name| Ok(name == SCRAM_SHA_256)).map_err(|_| Cause::Protocol)? {
                return Err(Cause::Method);
            }
            scram(wire, password()?, deadline)?;
        }
        // Both give an eavesdropper what it needs.
        Message::AuthenticationCleartextPassword if config.is_private() => {
            answer(wire, password()?, deadline)?;
        }
        Message::AuthenticationMd5Password(body) if config.is_private() => {
            let hash = md5_hash(config.user.as_bytes(), password()?, body.salt());
            answer(wire, hash.as_bytes(), deadline)?;
        }
        Message::ErrorResponse(body) => return Err(Cause::Server(Reported::read(&body)?.state)),
        Message::ReadyForQuery(_) => return Err(Cause::Protocol),
        _ => return Err(Cause::Method),
    }
    match wire.next(deadline)? {
        Message::AuthenticationOk => Ok(()),
        Message::ErrorResponse(body) => Err(Cause::Server(Reported::read(&body)?.state)),
        _ => Err(Cause::Protocol),
    }
}

fn answer(wire: &mut Wire, password: &[u8], deadline: Instant) -> Result<(), Cause> {
    frontend::password_message(password, &mut wire.outgoing).map_err(|_| Cause::Protocol)?;
    wire.send(deadline)
}

/// RFC 7677. The server proves that it knows the password, too.
fn scram(wire: &mut Wire, password: &[u8], deadline: Instant) -> Result<(), Cause> {
    let mut exchange = ScramSha256::new(password, ChannelBinding::unsupported());
    frontend::sasl_initial_response(SCRAM_SHA_256, exchange.message(), &mut wire.outgoing)
        .map_err(|_| Cause::Protocol)?;
    wire.send(deadline)?;
    match wire.next(deadline)? {
        Message::AuthenticationSaslContinue(body) => {
            if rounds(body.data()).is_none_or(|rounds| rounds > MOST_ROUNDS) {
                return Err(Cause::Protocol);
            }
            exchange.update(body.data()).map_err(|_| Cause::Proof)?;
        }
        Message::ErrorResponse(body) => return Err(Cause::Server(Reported::read(&body)?.state)),
        _ => return Err(Cause::Protocol),
    }
    frontend::sasl_response(exchange.message(), &mut wire.outgoing).map_err(|_| Cause::Protocol)?;
    wire.send(deadline)?;
    match wire.next(deadline)? {
        Message::AuthenticationSaslFinal(body) => exchange.finish(body.data()).map_err(|_| Cause::Proof),
        Message::ErrorResponse(body) => Err(Cause::Server(Reported::read(&body)?.state)),
        _ => Err(Cause::Protocol),
    }
}

/// The attribute `i` of a server's first message.
fn rounds(message: &[u8]) -> Option<u32> {
    std::str::from_utf8(message).ok()?.split(',').find_map(|part| part.strip_prefix("i="))?.parse().ok()
}
