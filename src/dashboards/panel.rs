//! One panel: what it asks, how it is drawn, what it says when there is nothing to draw.
//!
//! A panel cannot be made without a title, a description and queries; a tile cannot be made without words for absence. Every
//! query goes to the data source that the reader chose. Only what Grafana 10.4 already had is used.
//!
//! Where a panel stands is `frame`'s matter.

use super::paint::{self, Colour, Step, Word};
use serde_json::{Map, Value, json};

/// The unit of values, and how many decimals are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Numbers with so many decimals.
    Number(u8),
    /// Shares from 0 to 1, as per cent.
    Share(u8),
    /// Seconds, with so many decimals.
    Seconds(u8),
    /// A length of time in words.
    Duration,
    Bytes,
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::Number(_) => "short",
            Self::Share(_) => "percentunit",
            Self::Seconds(_) => "s",
            Self::Duration => "dtdurations",
            Self::Bytes => "bytes",
        }
    }

    const fn decimals(self) -> u8 {
        match self {
            Self::Number(decimals) | Self::Share(decimals) | Self::Seconds(decimals) => decimals,
            // Without a decimal "2 weeks, 6 days" reads "2 weeks".
            Self::Duration | Self::Bytes => 1,
        }
    }

    fn set(self, into: &mut Map<String, Value>) {
        into.insert("unit".to_owned(), self.name().into());
        into.insert("decimals".to_owned(), self.decimals().into());
    }
}

/// How a panel is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Numbers on coloured ground.
    Tile,
    /// States over time, one row a thing.
    Timeline,
    Lines,
    /// Amounts in each step of time, on top of each other.
    Bars,
    /// The same as shares of the whole.
    ShareBars,
    /// Lines filled down to the one below.
    Areas,
    Table,
    /// One bar for each of few things.
    Gauges,
    Heatmap,
    /// Horizontal bars that begin where the one before ends.
    Waterfall,
}

impl Kind {
    const fn plugin(self) -> &'static str {
        match self {
            Self::Tile => "stat",
            Self::Timeline => "state-timeline",
            Self::Lines | Self::Bars | Self::ShareBars | Self::Areas => "timeseries",
            Self::Table => "table",
            Self::Gauges => "bargauge",
            Self::Heatmap => "heatmap",
            Self::Waterfall => "barchart",
        }
    }

    /// Whether it shows a moment, not a course.
    const fn is_instant(self) -> bool {
        matches!(self, Self::Tile | Self::Table | Self::Gauges | Self::Waterfall)
    }
}

/// A panel without its place.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    kind: Kind,
    title: String,
    about: String,
    queries: Vec<Value>,
    defaults: Map<String, Value>,
    custom: Map<String, Value>,
    options: Value,
    overrides: Vec<Value>,
    transformations: Vec<Value>,
    links: Vec<Value>,
    interval: Option<&'static str>,
}

/// The data source that the reader chose.
pub(super) fn source() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

/// The largest of each series' last values.
fn last() -> Value {
    json!({"calcs": ["lastNotNull"], "fields": "", "values": false})
}

impl Panel {
    fn new(kind: Kind, title: &str, about: &str, options: Value) -> Self {
        Self {
            kind,
            title: title.to_owned(),
            about: about.to_owned(),
            queries: Vec::new(),
            defaults: Map::new(),
            custom: Map::new(),
            options,
            overrides: Vec::new(),
            transformations: Vec::new(),
            links: Vec::new(),
            interval: None,
        }
    }

    /// Numbers on coloured ground; `absent` stands there when there is none, and is never good news.
    pub(super) fn tile(title: &str, about: &str, unit: Unit, steps: &[Step], absent: &str) -> Self {
        let options = json!({
            "colorMode": "background_solid", "graphMode": "none", "justifyMode": "center",
            "orientation": "auto", "reduceOptions": last(), "textMode": "auto",
        });
        let mut panel = Self::new(Kind::Tile, title, about, options).unit(unit).absent(absent);
        panel.defaults.insert("thresholds".to_owned(), paint::thresholds(steps, true));
        panel.defaults.insert("color".to_owned(), json!({"mode": "thresholds"}));
        panel
    }

    /// Words for the values of a tile.
    pub(super) fn words(mut self, words: &[Word]) -> Self {
        let tile = self.kind == Kind::Tile;
        self.defaults.insert("mappings".to_owned(), paint::mappings(words, tile));
        self
    }

    /// One word for one value of a tile; other values keep theirs.
    pub(super) fn word(mut self, word: Word) -> Self {
        let (value, text, colour) = word;
        let word = json!({"color": colour.on_tile(), "index": 0, "text": text});
        let mapping = json!([{"type": "value", "options": {value.to_string(): word}}]);
        self.defaults.insert("mappings".to_owned(), mapping);
        self
    }

    /// Several tiles in one panel, or one that names what it is about: the name beside the value.
    pub(super) fn named(mut self) -> Self {
        self.options["textMode"] = "value_and_name".into();
        self
    }

    /// A number without judgement.
    pub(super) fn unjudged(mut self) -> Self {
        self.options["colorMode"] = "none".into();
        self.defaults.insert(
            "color".to_owned(),
            json!({"mode": "fixed", "fixedColor": Colour::Plain.name()}),
        );
        self
    }

    /// States over time.
    pub(super) fn timeline(title: &str, about: &str, words: &[Word]) -> Self {
        let options = json!({
            "alignValue": "left", "legend": legend(true), "mergeValues": true, "rowHeight": 0.85,
            "showValue": "auto", "tooltip": {"mode": "single", "sort": "none"},
        });
        let mut panel = Self::new(Kind::Timeline, title, about, options).words(words);
        // Any colour mode but `thresholds`: that one drops the words.
        let plain = json!({"mode": "fixed", "fixedColor": Colour::Unknown.name()});
        panel.defaults.insert("color".to_owned(), plain);
        panel.custom = object(json!({"fillOpacity": 80, "lineWidth": 0}));
        panel
    }

    /// Lines over time.
    pub(super) fn lines(title: &str, about: &str, unit: Unit) -> Self {
        Self::series(Kind::Lines, title, about, unit)
    }

    /// Stacked amounts over time.
    pub(super) fn bars(title: &str, about: &str, unit: Unit) -> Self {
        Self::series(Kind::Bars, title, about, unit)
    }

    /// Stacked shares over time.
    pub(super) fn shares(title: &str, about: &str, unit: Unit) -> Self {
        Self::series(Kind::ShareBars, title, about, unit)
    }

    /// Stacked areas over time.
    pub(super) fn areas(title: &str, about: &str, unit: Unit) -> Self {
        Self::series(Kind::Areas, title, about, unit)
    }

    fn series(kind: Kind, title: &str, about: &str, unit: Unit) -> Self {
        let options = json!({"legend": legend(true), "tooltip": {"mode": "multi", "sort": "desc"}});
        let mut panel = Self::new(kind, title, about, options).unit(unit);
        panel.defaults.insert("min".to_owned(), 0.into());
        panel.defaults.insert("color".to_owned(), json!({"mode": "palette-classic-by-name"}));
        let (style, fill, width, stack) = match kind {
            Kind::Bars => ("bars", 80, 0, "normal"),
            Kind::ShareBars => ("bars", 80, 0, "percent"),
            Kind::Areas => ("line", 60, 1, "normal"),
            _ => ("line", 0, 2, "none"),
        };
        panel.custom = object(json!({
            "drawStyle": style, "fillOpacity": fill, "lineWidth": width, "pointSize": 4,
            "showPoints": "never", "spanNulls": false, "stacking": {"group": "A", "mode": stack},
        }));
        panel
    }

    /// Rows with several attributes.
    pub(super) fn table(title: &str, about: &str) -> Self {
        let options = json!({"cellHeight": "sm", "showHeader": true});
        let mut panel = Self::new(Kind::Table, title, about, options).unit(Unit::Number(0));
        panel.custom = object(json!({"align": "auto", "minWidth": 60}));
        panel
    }

    /// One bar for each of few things.
    pub(super) fn gauges(title: &str, about: &str, unit: Unit) -> Self {
        let options = json!({
            "displayMode": "basic", "orientation": "horizontal", "reduceOptions": last(),
            "showUnfilled": true, "valueMode": "text",
        });
        let mut panel = Self::new(Kind::Gauges, title, about, options).unit(unit);
        panel.defaults.insert("min".to_owned(), 0.into());
        panel.defaults.insert("color".to_owned(), json!({"mode": "palette-classic-by-name"}));
        panel
    }

    /// How values spread over buckets, over time.
    pub(super) fn heatmap(title: &str, about: &str) -> Self {
        let scheme = json!({
            "exponent": 0.5, "fill": "dark-orange", "mode": "scheme", "reverse": false,
            "scheme": "Cividis", "steps": 64,
        });
        let options = json!({
            "calculate": false, "cellGap": 1, "color": scheme, "filterValues": {"le": 1e-9},
            "legend": {"show": true}, "rowsFrame": {"layout": "auto"},
            "yAxis": {"axisPlacement": "left", "unit": "s"},
        });
        Self::new(Kind::Heatmap, title, about, options).unit(Unit::Seconds(3))
    }

    /// Horizontal bars of where time went; the first query is where each begins.
    pub(super) fn waterfall(title: &str, about: &str, begins: &str) -> Self {
        let options = json!({
            "barWidth": 0.8, "groupWidth": 0.8, "legend": legend(false), "orientation": "horizontal",
            "showValue": "never", "stacking": "normal", "tooltip": {"mode": "multi", "sort": "none"},
            "xField": "phase",
        });
        let mut panel = Self::new(Kind::Waterfall, title, about, options).unit(Unit::Seconds(3));
        let colour = json!({"mode": "fixed", "fixedColor": Colour::Good.name()});
        panel.defaults.insert("color".to_owned(), colour);
        panel.custom = object(json!({"fillOpacity": 85, "lineWidth": 0}));
        // A transparent colour is drawn black; no ink at all is what is wanted.
        let hidden = json!({"legend": true, "tooltip": true, "viz": false});
        panel.with(
            begins,
            &[
                ("custom.fillOpacity", 0.into()),
                ("custom.lineWidth", 0.into()),
                ("custom.hideFrom", hidden),
            ],
        )
    }

    /// A query; `legend` names each of its series.
    pub(super) fn ask(mut self, expression: &str, legend: &str) -> Self {
        let name =
            char::from(b'A' + u8::try_from(self.queries.len()).expect("a panel has few queries"));
        let format = match self.kind {
            Kind::Table | Kind::Waterfall => "table",
            Kind::Heatmap => "heatmap",
            _ => "time_series",
        };
        let (instant, range) = (self.kind.is_instant(), !self.kind.is_instant());
        let mut query = json!({
            "datasource": source(), "editorMode": "code", "expr": expression, "format": format,
            "instant": instant, "legendFormat": legend, "range": range, "refId": name.to_string(),
        });
        if let Some(interval) = self.interval {
            query["interval"] = interval.into();
        }
        self.queries.push(query);
        self
    }

    /// Steps are never shorter than this; said before the queries.
    pub(super) fn step(mut self, interval: &'static str) -> Self {
        self.interval = Some(interval);
        self
    }

    pub(super) fn unit(mut self, unit: Unit) -> Self {
        unit.set(&mut self.defaults);
        self
    }

    /// What is said when there is no value.
    pub(super) fn absent(mut self, text: &str) -> Self {
        self.defaults.insert("noValue".to_owned(), text.into());
        self
    }

    /// No longer than this.
    pub(super) fn up_to(mut self, most: f64) -> Self {
        self.defaults.insert("max".to_owned(), most.into());
        self
    }

    /// Values may be below 0.
    pub(super) fn signed(mut self) -> Self {
        self.defaults.remove("min");
        self
    }

    /// A scale on which small and large are both seen.
    pub(super) fn logarithmic(mut self, linear_up_to: Option<f64>) -> Self {
        let scale = if let Some(linear) = linear_up_to {
            json!({"type": "symlog", "log": 10, "linearThreshold": linear})
        } else {
            self.defaults.remove("min");
            json!({"type": "log", "log": 10})
        };
        self.custom.insert("scaleDistribution".to_owned(), scale);
        self
    }

    /// Dashed lines at these values.
    pub(super) fn marks(mut self, steps: &[Step]) -> Self {
        self.defaults.insert("thresholds".to_owned(), paint::thresholds(steps, false));
        self.custom.insert("thresholdsStyle".to_owned(), json!({"mode": "dashed"}));
        self
    }

    /// Properties of the field with this name.
    pub(super) fn with(mut self, name: &str, properties: &[(&str, Value)]) -> Self {
        let properties = properties.iter().map(|(id, value)| json!({"id": id, "value": value}));
        self.overrides.push(json!({
            "matcher": {"id": "byName", "options": name}, "properties": properties.collect::<Vec<_>>(),
        }));
        self
    }

    /// Properties of the series of a query (`A` is the first).
    pub(super) fn with_query(mut self, query: &str, properties: &[(&str, Value)]) -> Self {
        let properties = properties.iter().map(|(id, value)| json!({"id": id, "value": value}));
        self.overrides.push(json!({
            "matcher": {"id": "byFrameRefID", "options": query},
            "properties": properties.collect::<Vec<_>>(),
        }));
        self
    }

    /// The series of a query are shares with an axis of their own.
    pub(super) fn on_the_right(self, query: &str) -> Self {
        let unit = Unit::Share(1);
        self.with_query(query, &right(unit))
    }

    /// The series of a query are counts with an axis of their own.
    pub(super) fn counted_on_the_right(self, query: &str) -> Self {
        self.with_query(query, &right(Unit::Number(0)))
    }

    /// A fixed colour for the series whose names match.
    pub(super) fn coloured_like(mut self, expression: &str, colour: &str) -> Self {
        let fixed = json!({"mode": "fixed", "fixedColor": colour});
        self.overrides.push(json!({
            "matcher": {"id": "byRegexp", "options": expression},
            "properties": [{"id": "color", "value": fixed}],
        }));
        self
    }

    /// A fixed colour for each of a closed set of names.
    pub(super) fn coloured(mut self, names: &[(&str, &str)]) -> Self {
        for (name, colour) in names {
            let fixed = json!({"mode": "fixed", "fixedColor": colour});
            self = self.with(name, &[("color", fixed)]);
        }
        self
    }

    /// A column of a table: unit, and steps by which its ground or its gauge is coloured.
    pub(super) fn column(self, name: &str, unit: Unit, judged: Option<(&str, &[Step])>) -> Self {
        let mut properties =
            vec![("unit", unit.name().into()), ("decimals", unit.decimals().into())];
        if let Some((cell, steps)) = judged {
            let cell = match cell {
                "gauge" => json!({"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}),
                _ => json!({"type": "color-text"}),
            };
            properties.push(("custom.cellOptions", cell));
            properties.push(("thresholds", paint::thresholds(steps, false)));
            properties.push(("color", json!({"mode": "thresholds"})));
        }
        self.with(name, &properties)
    }

    /// A column of states.
    pub(super) fn state_column(self, name: &str) -> Self {
        let cell = json!({"type": "color-background", "mode": "basic"});
        let plain = json!({"mode": "thresholds"});
        let properties = [
            ("custom.cellOptions", cell),
            ("mappings", paint::mappings(&paint::states(), true)),
            ("thresholds", paint::thresholds(&[], true)),
            ("color", plain),
        ];
        self.with(name, &properties)
    }

    /// One row for each value of a label that all queries have; cells that are missing stay empty.
    pub(super) fn joined(mut self, label: &str) -> Self {
        let join = json!({"id": "joinByField", "options": {"byField": label, "mode": "outer"}});
        self.transformations.push(join);
        self
    }

    /// One row for each set of labels.
    pub(super) fn merged(mut self) -> Self {
        self.transformations.push(json!({"id": "merge", "options": {}}));
        self
    }

    /// The columns that stay, in this order, with the names that people read; everything else goes. A joined table numbers
    /// the times of its queries.
    pub(super) fn columns(mut self, columns: &[(&str, &str)], without: &[&str]) -> Self {
        let queries = self.queries.len();
        let times = (1..=queries).map(|number| format!("Time {number}"));
        let gone =
            times.chain(["Time".to_owned()]).chain(without.iter().map(|&each| each.to_owned()));
        let excluded: Map<_, _> = gone.map(|name| (name, true.into())).collect();
        let order: Map<_, _> = columns
            .iter()
            .enumerate()
            .map(|(at, (name, _))| ((*name).to_owned(), at.into()))
            .collect();
        let renamed: Map<_, _> =
            columns.iter().map(|(name, shown)| ((*name).to_owned(), (*shown).into())).collect();
        self.transformations.push(json!({"id": "organize", "options": {
            "excludeByName": excluded, "indexByName": order, "renameByName": renamed,
        }}));
        self
    }

    /// Worst first.
    pub(super) fn sorted(mut self, column: &str, descending: bool) -> Self {
        if self.kind == Kind::Waterfall {
            let sort = json!({"fields": {}, "sort": [{"field": column, "desc": descending}]});
            self.transformations.push(json!({"id": "sortBy", "options": sort}));
        } else {
            self.options["sortBy"] = json!([{"desc": descending, "displayName": column}]);
        }
        self
    }

    /// Where a click leads: a dashboard of ours, with variables; time and data source go along.
    pub(super) fn link(mut self, title: &str, uid: &str, variables: &str) -> Self {
        self.links.push(link(title, uid, variables));
        self
    }

    /// A link on one column of a table.
    pub(super) fn column_link(self, column: &str, title: &str, uid: &str, variables: &str) -> Self {
        self.with(column, &[("links", json!([link(title, uid, variables)]))])
    }

    /// Grafana's form.
    pub(super) fn json(mut self, id: usize, place: &Value) -> Value {
        assert!(!self.queries.is_empty(), "`{}` asks something", self.title);
        if !self.links.is_empty() {
            self.defaults.insert("links".to_owned(), self.links.into());
        }
        if !self.custom.is_empty() {
            self.defaults.insert("custom".to_owned(), self.custom.into());
        }
        let mut json = json!({
            "id": id, "type": self.kind.plugin(), "title": self.title, "description": self.about,
            "datasource": source(), "gridPos": place, "targets": self.queries,
            "fieldConfig": {"defaults": self.defaults, "overrides": self.overrides},
            "options": self.options,
        });
        if !self.transformations.is_empty() {
            json["transformations"] = self.transformations.into();
        }
        if let Some(interval) = self.interval {
            json["interval"] = interval.into();
        }
        json
    }
}

fn right(unit: Unit) -> [(&'static str, Value); 3] {
    [
        ("unit", unit.name().into()),
        ("decimals", unit.decimals().into()),
        ("custom.axisPlacement", "right".into()),
    ]
}

fn link(title: &str, uid: &str, variables: &str) -> Value {
    let rest = if variables.is_empty() { String::new() } else { format!("&{variables}") };
    let url = format!("/d/{uid}/{uid}?${{__url_time_range}}&${{datasource:queryparam}}{rest}");
    json!({"title": title, "url": url, "targetBlank": false})
}

fn legend(shown: bool) -> Value {
    json!({"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": shown})
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => unreachable!("`{other}` is no object"),
    }
}
