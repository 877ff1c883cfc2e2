//! What the events of `sys` and `auth` say, by route.

use strongroom_core::{Action, Detail, Service, Tenant};

use super::{Operation, backup, rotation, slots, tenants};
use crate::told::Told;

impl Operation {
    /// The row of this operation.
    pub(crate) fn told(self) -> Told {
        use Service::{Barrier, Identity, Server};
        match self {
            // The node tells of it before it closes.
            Self::Seal => Told::change(Barrier, Action::Seal),
            Self::Rotate | Self::RotateRoot => Told::change(Barrier, Action::Rotate),
            Self::KeyStatus => Told::after(Barrier, Action::Read),
            Self::Mounts | Self::UiMounts | Self::UiMount => Told::after(Server, Action::Read),
            Self::LookupSelf => Told::after(Identity, Action::Read),
            Self::Slots(operation) => operation.told(),
            Self::Rotation(operation) => operation.told(),
            Self::Tenants(operation) => operation.told(),
            Self::Backup(operation) => operation.told(),
            Self::Audit(operation) => operation.told(),
        }
    }
}

impl slots::Operation {
    fn told(self) -> Told {
        let change = |action| Told::change(Service::Barrier, action);
        let after = |action| Told::after(Service::Barrier, action);
        match self {
            Self::List => after(Action::List),
            Self::Add => change(Action::Create),
            // What a share or a secret opens is an answer of its own, and a share that waits is no change.
            Self::Verify => after(Action::Check),
            Self::Read(slot) => after(Action::Read).with(Detail::Slot(slot)),
            Self::Label(slot) => change(Action::Configure).with(Detail::Slot(slot)),
            Self::Remove(slot) | Self::Cancel(slot) => change(Action::Delete).with(Detail::Slot(slot)),
            Self::Replace(slot) => change(Action::Create).with(Detail::Slot(slot)),
            Self::Confirm(slot) => after(Action::Submit).with(Detail::Slot(slot)),
        }
    }
}

impl rotation::Operation {
    fn told(self) -> Told {
        let change = |action| Told::change(Service::Barrier, action);
        let after = |action| Told::after(Service::Barrier, action);
        match self {
            Self::Status | Self::Schedule | Self::Renewal(_) => after(Action::Read),
            Self::SetSchedule => change(Action::Configure),
            Self::Reseal => change(Action::Reseal),
            Self::Renew => change(Action::Renew),
            Self::Scrub => Told::before(Service::Barrier, Action::Scrub),
        }
    }
}

impl tenants::Operation {
    fn told(self) -> Told {
        let tenant = |id| Detail::Tenant(Tenant::from_bytes(id));
        match self {
            Self::List => Told::after(Service::Barrier, Action::List),
            Self::Read(id) => Told::after(Service::Barrier, Action::Read).with(tenant(id)),
            Self::Shred(id) => Told::change(Service::Barrier, Action::Shred).with(tenant(id)),
        }
    }
}

impl backup::Operation {
    fn told(self) -> Told {
        match self {
            Self::Status => Told::after(Service::Backup, Action::Read),
            Self::Begin => Told::before(Service::Backup, Action::BackUp),
        }
    }
}
