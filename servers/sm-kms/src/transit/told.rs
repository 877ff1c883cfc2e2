//! What the events of `transit` say, by route.

use strongroom_core::{Action, Service};
use strongroom_kms::VersionState;

use super::{Operation, RingOperation, settings::Setting, tools::Tool};
use crate::told::Told;

impl Operation {
    /// The row of this operation.
    pub(crate) fn told(&self) -> Told {
        match self {
            Self::List => Told::after(Service::Kms, Action::List),
            Self::Ring(operation, name) => operation.told().on(name),
            Self::Transfer(transfer) => transfer.told(),
            Self::Use(using, name) => Told::after(Service::Kms, using.action()).on(name),
            Self::Tool(Tool::Random(_)) => Told::after(Service::Kms, Action::Random),
            Self::Tool(Tool::Hash(_)) => Told::after(Service::Kms, Action::Hash),
            Self::Setting(Setting::ReadCache | Setting::ReadKeys) => Told::after(Service::Kms, Action::Read),
            // Nothing changes, so no change tells of it.
            Self::Setting(_) => Told::after(Service::Kms, Action::Configure),
        }
    }
}

impl RingOperation {
    const fn told(self) -> Told {
        let action = match self {
            Self::Create => Action::Create,
            Self::Read => return Told::after(Service::Kms, Action::Read),
            Self::Delete => Action::Delete,
            Self::Rotate => Action::Rotate,
            Self::Configure => Action::Configure,
            Self::Trim => Action::Trim,
            Self::ScheduleDeletion => Action::ScheduleDeletion,
            Self::CancelDeletion => Action::CancelDeletion,
            Self::Disable | Self::SoftDelete => Action::Disable,
            Self::Version(VersionState::Suspended, _) => Action::Suspend,
            Self::Version(VersionState::Deactivated, _) => Action::Deactivate,
            Self::Version(VersionState::Compromised, _) => Action::Compromise,
            Self::Version(VersionState::Destroyed, _) => Action::Destroy,
            Self::Version(VersionState::Active | VersionState::PreActive, _) => Action::Resume,
            Self::Enable | Self::SoftRestore => Action::Enable,
        };
        Told::change(Service::Kms, action)
    }
}
