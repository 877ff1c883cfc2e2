//! What the events of `transit` say, by route.

use strongroom_core::{Action, Service};

use super::{Operation, RingOperation, Use};
use crate::told::Told;

impl Operation {
    /// The row of this operation.
    pub(crate) fn told(&self) -> Told {
        match self {
            Self::List => Told::after(Service::Kms, Action::List),
            Self::Ring(operation, name) => operation.told().on(name),
            Self::Transfer(transfer) => transfer.told(),
            Self::Use(using, name) => Told::after(Service::Kms, using.action()).on(name),
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
            Self::Disable => Action::Disable,
            Self::Enable => Action::Enable,
        };
        Told::change(Service::Kms, action)
    }
}

impl Use {
    const fn action(self) -> Action {
        match self {
            Self::Encrypt => Action::Encrypt,
            Self::Decrypt => Action::Decrypt,
            Self::Rewrap => Action::Reencrypt,
            Self::Sign(_) => Action::Sign,
            Self::Verify(_) => Action::Verify,
        }
    }
}
