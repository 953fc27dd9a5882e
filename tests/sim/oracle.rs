//! What must hold, whatever happens: judged from the journal and the probers, sharing no code with what is judged.
//!
//! The time line is painted anew, due times are counted on a grid found by walking, health is recounted verdict by verdict,
//! joined states are read off the list of states below them, and the numbers of the last scrape are compared with all of it.
//!
//! It does not drive the world.

mod health;
mod joined;
mod page;
mod time;
mod waiting;

use crate::tale::{After, Tale};
use crate::world::{Report, World};
use nephoscope::model::SkipCause;
use page::Page;
use std::time::Duration;
use waiting::Room;

/// Everything that must hold of any run.
pub(crate) fn judge(world: &World, report: &Report) {
    assert!(!report.seen.overlapped, "a check had two runs in flight");
    assert!(report.seen.most_at_once <= world.room, "{} at once", report.seen.most_at_once);
    let longest = report.checks.iter().map(|check| check.shape.timeout).max().unwrap();
    assert!(report.stopping <= longest * 3 + Duration::from_secs(2), "{:?}", report.stopping);
    workers_show_that_they_live(world, report);
    page::counters_never_decrease(&report.scrapes);
    if world.heals {
        page::all_is_up_once_healed(world, report, longest);
    }
    for scrape in &report.scrapes {
        joined::judge(&report.setting, scrape);
        let page = Page::read(&scrape.text);
        page.judge_services(scrape);
        if !world.is_deaf_at(scrape.at) {
            page.judge_moments(scrape);
            let back = -world.faults.clock_step.min(0);
            joined::judge_since(scrape, back);
        }
    }

    let page = Page::read(&report.last().text);
    let room = Room::of(world, report);
    let tales: Vec<_> =
        (0..).zip(&report.checks).map(|(n, _)| Tale::of(world, report, n)).collect();
    let mut late = [0; 2];
    for (tale, view) in tales.iter().zip(report.views()) {
        time::every_due_run_is_accounted_for(tale, world, report);
        time::time_is_settled(tale, view, report);
        skips_have_their_cause(tale, world, report);
        let settled = time::judge(tale, view);
        let wants = health::judge(tale, view);
        let [least, most] = waiting::judge(tale, world, &room, &wants);
        late = [late[0] + least, late[1] + most];
        page.judge(tale, view, settled);
    }
    page.judge_own(&tales, (!world.is_disturbed()).then_some(late));
}

/// A worker is ready at once, and alive unless it waits for a recorder that takes nothing in.
fn workers_show_that_they_live(world: &World, report: &Report) {
    let (_, running) = report.scrapes.split_last().unwrap();
    for scrape in running {
        assert_eq!(scrape.ready, Ok(()), "at {} ms", scrape.at);
        if !world.is_deaf_at(scrape.at) {
            assert_eq!(scrape.alive, Ok(()), "at {} ms", scrape.at);
        }
    }
}

fn skips_have_their_cause(tale: &Tale<'_>, world: &World, report: &Report) {
    let full = report.seen.most_at_once == world.room;
    for (count, cause, after) in tale.skips() {
        let holds = match cause {
            SkipCause::Late => false,
            SkipCause::StillRunning => matches!(after, After::Start),
            SkipCause::Concurrency => match after {
                After::Start => false,
                // In the very millisecond in which the next one fell due.
                After::End(at) => full || tale.grid(at - 2, at + 1).next().is_some(),
                After::Nothing => full,
            },
            SkipCause::Shutdown => count == 1,
        };
        assert!(holds || world.faults.deaf, "{}: {count} skipped, {cause}, {after:?}", tale.name);
    }
    let last = tale.skips().filter(|(_, cause, _)| *cause == SkipCause::Shutdown).count();
    assert!(last <= 1, "{}: {last} runs skipped when stopping", tale.name);
    let stopped = tale.runs().all(|run| run.span.begun <= world.lasts_ms());
    assert!(stopped, "{}: a run began after the end", tale.name);
}
