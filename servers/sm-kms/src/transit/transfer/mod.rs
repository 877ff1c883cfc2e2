//! How keys come in, go out and come back: `wrapping_key`, `keys/NAME/import`, `keys/NAME/import_version`, `export`,
//! `byok-export`, `backup` and `restore`.

mod backup;
mod export;
mod import;

use strongroom_core::{Action, Name, Service};
use strongroom_kms::{Rings, Versions};
use strongroom_serve::{Head, Limits, Method, Response};

use crate::{
    answer::{self, Reply},
    routes::{SMALL_BODY, name},
    told::Told,
};
use export::Kind;

/// What is asked of keys that come or go.
#[derive(Debug)]
pub enum Transfer {
    /// `GET wrapping_key`
    WrappingKey,
    /// `POST keys/NAME/import`
    Import(Name),
    /// `POST keys/NAME/import_version`
    ImportVersion(Name),
    /// `GET export/KIND/NAME` and `GET export/KIND/NAME/VERSION`
    Export(Kind, Name, Versions),
    /// `GET byok-export/DESTINATION/SOURCE` and `GET byok-export/DESTINATION/SOURCE/VERSION`
    ExportWrapped {
        /// The ring whose newest public key it is wrapped for.
        to: Name,
        /// Whose keys go out.
        from: Name,
        /// Which of them.
        versions: Versions,
    },
    /// `GET backup/NAME`
    Backup(Name),
    /// `POST restore` and `POST restore/NAME`
    Restore(Option<Name>),
}

impl Transfer {
    /// What a path asks for, if it is one of these.
    pub(super) fn route(method: Method, path: &[&str]) -> Option<Result<Self, Response>> {
        let (found, writes) = match path {
            ["wrapping_key"] => (Ok(Self::WrappingKey), false),
            ["keys", text, "import"] => (name(text).map(Self::Import), true),
            ["keys", text, "import_version"] => (name(text).map(Self::ImportVersion), true),
            ["export", kind, text] => (Self::export(kind, text, None), false),
            ["export", kind, text, version] => (Self::export(kind, text, Some(version)), false),
            ["byok-export", to, from] => (Self::wrapped(to, from, None), false),
            ["byok-export", to, from, version] => (Self::wrapped(to, from, Some(version)), false),
            ["backup", text] => (name(text).map(Self::Backup), false),
            ["restore"] => (Ok(Self::Restore(None)), true),
            ["restore", text] => (name(text).map(|name| Self::Restore(Some(name))), true),
            _ => return None,
        };
        // What hands keys out is read, and not asked about by HEAD.
        let fits = if writes { matches!(method, Method::Post | Method::Put) } else { method == Method::Get };
        Some(if fits { found } else { Err(answer::no_operation()) })
    }

    fn export(kind: &str, text: &str, version: Option<&str>) -> Result<Self, Response> {
        Ok(Self::Export(Kind::parse(kind)?, name(text)?, versions(version)?))
    }

    fn wrapped(to: &str, from: &str, version: Option<&str>) -> Result<Self, Response> {
        Ok(Self::ExportWrapped { to: name(to)?, from: name(from)?, versions: versions(version)? })
    }

    /// Each type goes out in one form: another one that is asked for is refused, not left out.
    pub(super) fn check_query(&self, head: &Head<'_>) -> Result<(), Response> {
        let Self::Export(..) = self else { return Ok(()) };
        match head.parameter("format")?.as_deref() {
            None | Some("") => Ok(()),
            Some(_) => {
                Err(answer::bad_request("each type of key is exported in one form: ask for no format"))
            }
        }
    }

    /// The most bytes that the body may have.
    pub(super) fn body_limit(&self, limits: &Limits) -> usize {
        if matches!(self, Self::Restore(_)) { limits.body } else { SMALL_BODY }
    }

    /// The row of its event.
    pub(super) fn told(&self) -> Told {
        let change = |action| Told::change(Service::Kms, action);
        match self {
            Self::WrappingKey => Told::after(Service::Kms, Action::Read),
            Self::Import(name) | Self::ImportVersion(name) => change(Action::Import).on(name),
            Self::Export(Kind::Public, name, _) => Told::after(Service::Kms, Action::Read).on(name),
            Self::Export(_, name, _) | Self::ExportWrapped { from: name, .. } => {
                change(Action::Export).on(name)
            }
            Self::Backup(name) => change(Action::BackUp).on(name),
            Self::Restore(Some(name)) => change(Action::Restore).on(name),
            Self::Restore(None) => change(Action::Restore),
        }
    }

    pub(super) fn answer(&self, rings: &Rings, reply: Reply, body: &[u8]) -> Result<Response, Response> {
        match self {
            Self::WrappingKey => import::wrapping_key(rings, &reply),
            Self::Import(name) => import::import(rings, name, body),
            Self::ImportVersion(name) => import::import_version(rings, name, body),
            Self::Export(kind, name, versions) => export::export(rings, *kind, name, *versions, &reply),
            Self::ExportWrapped { to, from, versions } => {
                export::export_wrapped(rings, to, from, *versions, &reply)
            }
            Self::Backup(name) => backup::backup(rings, name, &reply),
            Self::Restore(name) => backup::restore(rings, name.as_ref(), body),
        }
    }
}

fn versions(version: Option<&str>) -> Result<Versions, Response> {
    match version {
        None => Ok(Versions::All),
        Some("latest") => Ok(Versions::Newest),
        // A version may be written as a ciphertext has it.
        Some(number) => number
            .strip_prefix('v')
            .unwrap_or(number)
            .parse()
            .map(Versions::One)
            .map_err(|_| answer::bad_request("a version is a number, or latest")),
    }
}
