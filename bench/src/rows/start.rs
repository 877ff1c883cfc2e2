use std::{path::Path, time::Instant};

use crate::{
    Result,
    effort::Effort,
    http::{self, Request},
    measure::Spread,
    server::{self, Child},
    table::{Found, Row, Table, Target, Unit},
};

pub(crate) fn measure(effort: &Effort, folder: &Path, table: &mut Table) -> Result<()> {
    let token = server::prepare(folder, effort.rings)?;
    let encrypt =
        |child: &Child, ring| http::once(&Request::encrypt(child.address, &token, &server::ring(ring))?);
    let start = || {
        let began = Instant::now();
        let child = Child::serve_rings(folder)?;
        encrypt(&child, effort.rings / 2)?;
        Result::Ok((child, began.elapsed().as_secs_f64()))
    };
    let times = (0..effort.starts).map(|_| Ok(start()?.1)).collect::<Result<_>>()?;
    let (child, _) = start()?;
    let first = child.memory()?;
    (0..effort.rings).try_for_each(|ring| encrypt(&child, ring))?;
    let note =
        format!("memory: {first} after the first answer, {} once all rings were used", child.memory()?);
    table.add(Row {
        work: format!("start with {} rings to the first answer", effort.rings),
        beside: "",
        unit: Unit::Seconds,
        found: Found::Alone(Spread::of(times)),
        target: Target::AtMost(0.5),
        note: Some(note),
    });
    Ok(())
}
