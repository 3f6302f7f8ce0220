//! The top-level `volumes`.

use schemars::JsonSchema;

use super::definitions::{Define, or_empty};
use super::external::{self, External};
use super::pairs::{Options, Pairs};
use crate::spec::decode::{Cursor, Decode, Located, Report};

/// A volume. A Swarm creates it on each node where a task with it starts; skep never deletes one.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Volume {
    /// Its name on the nodes; `<stack>_<key>` by default.
    pub name: Option<Located<String>>,
    /// Its driver; local by default.
    #[schemars(example = &"local")]
    pub driver: Option<Located<String>>,
    /// Options of the driver.
    pub driver_opts: Option<Located<Options>>,
    /// Whether it exists already.
    pub external: Option<External>,
    /// Labels.
    pub labels: Option<Located<Pairs>>,
}

/// What only the maker of a volume says of it, and not who uses it as an external one.
pub const OF_ITS_MAKER: [&str; 3] = ["driver", "driver_opts", "labels"];

impl Volume {
    /// Whether it exists already.
    pub fn is_external(&self) -> bool {
        self.external.as_ref().is_some_and(|external| external.external)
    }
}

impl Define for Volume {
    fn define(key: &str, at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut volume: Self = or_empty(at, report)?;
        if volume.is_external() {
            let places = [
                volume.driver.as_ref().map(|driver| &driver.place),
                volume.driver_opts.as_ref().map(|options| &options.place),
                volume.labels.as_ref().map(|labels| &labels.place),
            ];
            for (name, place) in OF_ITS_MAKER.into_iter().zip(places) {
                if let Some(place) = place {
                    let says = format_args!("is external, so it cannot have a `{name}`");
                    let mut finding = at.error("conflicting-keys", says);
                    finding.place = Some(place.clone());
                    report.push(finding.hint(format!("remove `{name}`, or `external`")));
                }
            }
        }
        external::settle(at, key, &mut volume.name, volume.external.as_ref(), report);
        Some(volume)
    }
}

impl Decode for Volume {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let volume = Self {
            name: fields.get("name", report),
            driver: fields.get("driver", report),
            driver_opts: fields.get("driver_opts", report),
            external: fields.get("external", report),
            labels: fields.get("labels", report),
        };
        let hint =
            "create the cluster volume with `docker volume create` and make it external here";
        fields.warn_if_present("x-cluster-spec", "not-on-swarm", "creates nothing", hint, report);
        fields.finish(report);
        Some(volume)
    }
}
