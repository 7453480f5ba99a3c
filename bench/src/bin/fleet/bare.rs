//! Runs bare `Poller`s in one task, and each call in a task of its own. No fleet can cost less.

use std::{cmp::Reverse, collections::BinaryHeap, error::Error, mem, sync::Arc, time::Instant};

use huaweicloud_sms::{AsyncTransport, ObtainCommand, Operation, Poller, ServerId, Step};
use tokio::{
    task::JoinSet,
    time::{sleep_until, timeout_at},
};

use crate::{
    Fleet,
    measure::{Answers, Memory, report},
};

/// The transport makes this many calls at once. A further call would only wait in it, and take memory.
const MAX_CALLS: usize = 100;

struct Server {
    id: ServerId,
    poller: Poller<Instant>,
}

pub(crate) async fn run(fleet: Fleet, empty: Memory) -> Result<(), Box<dyn Error>> {
    println!("a poller takes {} bytes, with its id's text", mem::size_of::<Server>() + 36);
    let request = ObtainCommand::new(&fleet.endpoint, &Fleet::server_id(0)?).request(&fleet.token);
    let call = fleet.transport.execute(request);
    println!("a call takes {} bytes, while it lasts", mem::size_of_val(&call));
    drop(call);
    let answers = Answers::new();
    let fleet = Arc::new(fleet);
    let polling = tokio::spawn({
        let (fleet, answers) = (Arc::clone(&fleet), Arc::clone(&answers));
        let servers = servers(&fleet)?;
        async move { poll(&fleet, servers, &answers).await }
    });
    report(&fleet, empty, &answers).await?;
    polling.abort();
    Ok(())
}

fn servers(fleet: &Fleet) -> Result<Vec<Server>, Box<dyn Error>> {
    let (start, pace) = (Instant::now(), Fleet::pace()?);
    let server = |number| {
        let (id, first) = (Fleet::server_id(number)?, start + fleet.delay(number));
        Ok(Server { id, poller: Poller::new(pace, number.into(), first) })
    };
    (0..fleet.pollers).map(server).collect()
}

async fn poll(fleet: &Fleet, mut servers: Vec<Server>, answers: &Answers) {
    let mut calls = JoinSet::new();
    let next = |server: &Server, now| match server.poller.poll(now) {
        Step::WaitUntil(instant) => instant,
        // No credential is rejected here.
        Step::Send | Step::RenewCredential => now,
    };
    let now = Instant::now();
    let mut due: BinaryHeap<_> =
        (0..servers.len()).map(|number| Reverse((next(&servers[number], now), number))).collect();
    loop {
        while calls.len() < MAX_CALLS {
            let now = Instant::now();
            let Some(&Reverse((due_at, number))) = due.peek() else { break };
            if due_at > now {
                break;
            }
            due.pop();
            let server = &mut servers[number];
            server.poller.on_start(now);
            // The call is made here, so that only the id is kept between calls.
            let call = ObtainCommand::new(&fleet.endpoint, &server.id);
            let (request, transport) = (call.request(&fleet.token), fleet.transport.clone());
            calls.spawn(async move { (number, due_at, call, transport.execute(request).await) });
        }
        let has_place = calls.len() < MAX_CALLS;
        let wake_up = due.peek().filter(|_| has_place).map(|Reverse((due_at, _))| (*due_at).into());
        let ended = match wake_up {
            Some(wake_up) if calls.is_empty() => {
                sleep_until(wake_up).await;
                continue;
            }
            Some(wake_up) => timeout_at(wake_up, calls.join_next()).await.ok().flatten(),
            None => calls.join_next().await,
        };
        let Some(Ok((number, due_at, call, result))) = ended else { continue };
        let (server, now) = (&mut servers[number], Instant::now());
        match result.map(|response| call.parse(&response)) {
            Ok(Ok(_)) => {
                server.poller.on_answer(now);
                answers.answered(due_at);
            }
            Ok(Err(error)) => {
                server.poller.on_error(now, &error);
                answers.failed();
            }
            Err(_) => {
                server.poller.on_failure(now);
                answers.failed();
            }
        }
        due.push(Reverse((next(server, now), number)));
    }
}
