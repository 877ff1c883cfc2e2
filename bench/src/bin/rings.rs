//! The server of key rings as the suite's programs run it, over HTTP without TLS: `rings PLACE SECRET`, with a place
//! as `strongroom server --store` takes it. It prints where it listens.

use std::{alloc::System, env, error::Error, net::Ipv4Addr, sync::Arc};

use strongroom_sm_kms::{Place, SecretFile, listen, node, serve};
use zeroizing_alloc::ZeroAlloc;

#[global_allocator]
static MEMORY: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(place), Some(secret)) = (arguments.next(), arguments.next()) else {
        return Err("usage: rings PLACE SECRET".into());
    };
    let server = listen((Ipv4Addr::LOCALHOST, 0).into(), None)?;
    let address = server.local_addr();
    let node = Arc::new(node(
        place.parse::<Place>()?.open_or_create()?.store(),
        vec![SecretFile::new(secret.into())],
    )?);
    node.unseal_with_secrets()?;
    println!("{address}");
    Ok(serve(&node, server)?)
}
