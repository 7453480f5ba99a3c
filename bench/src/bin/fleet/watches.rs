//! Runs a task with a `Watch` for each poller. Most programs would begin like this.

use std::{error::Error, mem, sync::Arc};

use huaweicloud_sms::{Event, ObtainCommand, hyper::Client};
use tokio::time::sleep;

use crate::{
    Fleet,
    measure::{Answers, Memory, report},
};

pub(crate) async fn run(fleet: &Fleet, empty: Memory) -> Result<(), Box<dyn Error>> {
    let client = Client::new(fleet.transport.clone());
    let answers = Answers::new();
    let watch = client.watch(
        ObtainCommand::new(&fleet.endpoint, &Fleet::server_id(0)?),
        fleet.token.clone(),
        Fleet::pace()?,
    );
    println!("a watch takes {} bytes, and what it points to", mem::size_of_val(&watch));
    drop(watch);
    for number in 0..fleet.pollers {
        let call = ObtainCommand::new(&fleet.endpoint, &Fleet::server_id(number)?);
        let (token, answers) = (fleet.token.clone(), Arc::clone(&answers));
        let (client, delay, pace) = (client.clone(), fleet.delay(number), Fleet::pace()?);
        let task = async move {
            sleep(delay).await;
            let mut watch = client.watch(call, token, pace);
            drop(client);
            loop {
                let due = watch.due();
                match watch.recv().await {
                    Some(Event::Answer(_)) => answers.answered(due),
                    _ => answers.failed(),
                }
            }
        };
        if number == 0 {
            println!("a task with it takes {} bytes", mem::size_of_val(&task));
        }
        tokio::spawn(task);
    }
    report(fleet, empty, &answers).await
}
