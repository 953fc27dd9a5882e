//! Whoever can see goes on seeing when the configuration changes.
//!
//! Clouds are known by their names, sentinels and the checks that were good last by where they are now.
//!
//! It draws no conclusion.

use super::{Cloud, Sentinel, Sight, Way};
use crate::model::CheckIndex;

impl Sight {
    /// Knows what `old` knew; `to` says where a check of it is now.
    pub(in crate::monitor) fn succeed(
        &mut self,
        old: &Self,
        to: impl Fn(CheckIndex) -> Option<CheckIndex>,
    ) {
        for (cloud, name) in self.clouds.iter_mut().zip(&self.names) {
            let Some(was) = old.names.iter().position(|each| each == name) else { continue };
            let Cloud { seen, silent, fresh } = old.clouds[was];
            *cloud = Cloud { seen, silent, fresh: fresh.map(|fresh| fresh.moved(&to)) };
        }
        for was in &old.sentinels {
            let place = to(was.check);
            let mine = self.sentinels.iter_mut().find(|each| Some(each.check) == place);
            if let Some(mine) = mine {
                let Sentinel { seen, missed, silent, broken, .. } = *was;
                *mine = Sentinel { seen, missed, silent, broken, ..*mine };
            }
        }
        self.ways = old.ways.map(|way| Way { fresh: way.fresh.moved(&to), ..way });
        self.counted = old.counted;
    }
}
