use std::path::Path;

use crate::{
    Result,
    effort::Effort,
    http::{self, Load, Request},
    measure::waiting,
    server::{self, Child},
    table::{Found, Row, Table, Target, Unit},
};

const CONNECTIONS: usize = 32;

pub(crate) fn measure(effort: &Effort, folder: &Path, table: &mut Table) -> Result<()> {
    let token = server::prepare(folder, 1)?;
    let (rings, bare) = (Child::serve_rings(folder)?, Child::serve_bare()?);
    let ours = Load::connect(CONNECTIONS, &Request::encrypt(rings.address, &token, &server::ring(0))?)?;
    let limit = Load::connect(CONNECTIONS, &Request::get(bare.address))?;
    let found = waiting(
        effort.waiting_rounds,
        || cpu_per_request(effort, &rings, &ours),
        || cpu_per_request(effort, &bare, &limit),
    )?;
    table.add(Row {
        work: format!("POST transit/encrypt 64 B, {CONNECTIONS} connections, CPU"),
        beside: "bare hyper handler, 200 bytes",
        unit: Unit::Seconds,
        found: Found::Beside(found),
        target: Target::AtMost(2.2),
        note: None,
    });
    Ok(())
}

/// CPU time that the server spends on one request, in user and kernel mode.
fn cpu_per_request(effort: &Effort, child: &Child, load: &http::Load) -> Result<f64> {
    let before = child.cpu_time()?;
    let answered = load.run(effort.http_slice)?;
    Ok((child.cpu_time()? - before).as_secs_f64() / answered as f64)
}
