// Draws the charts from the JSON that the page carries. The page's words and tables are there without it.
"use strict";
(() => {
    const advice = JSON.parse(document.getElementById("advice").textContent);
    const charts = new Map();    // element id -> chart
    const row_height = 46;
    const letter_width = 7.2;    // of the labels' 13 px, on average
    const plans_drawn_max = 24;  // more bars than this are no picture any more; the table has them all
    const plans = advice.plans.slice(0, plans_drawn_max);

    // ---- figures as text ----

    const with_unit = (value, unit) => {
        if (value === 0) return `0 ${unit}`;
        const prefixes = [["n", 1e-9], ["u", 1e-6], ["m", 1e-3], ["", 1]];
        let best = prefixes[0];
        for (const prefix of prefixes) if (Math.abs(value) >= 0.9995 * prefix[1]) best = prefix;
        const scaled = value / best[1];
        const size = Math.abs(scaled);
        return `${scaled.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2)} ${best[0]}${unit}`;
    };
    const seconds = (value) => with_unit(value, "s");
    const joules = (value) => with_unit(value, "J");
    const joule_seconds = (value) => with_unit(value, "Js");
    // On an axis "50.0 ms" would be noise: no trailing zeros there.
    const on_axis = (format) => (value) =>
        format(value).replace(/\.(\d*?)0+ /, (_, kept) => (kept ? `.${kept} ` : " "));
    const total = (plan) => plan.cost.latency_s.value;

    // ECharts' tooltips are HTML; names come from files.
    const escaped = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
    const bold = (text) => `<b>${escaped(text)}</b>`;
    const small = (text) => `<small>${escaped(text)}</small>`;
    const figure = (of, format) => `${bold(format(of.value))} ${small(of.origin)}`;
    const shortened = (text, width) => {
        const letters = Math.max(8, Math.floor(width / letter_width));
        return text.length > letters ? `${text.slice(0, letters - 1)}…` : text;
    };
    const listed = (things, text_of) => things.map(text_of).join(", ");

    // ---- what all charts share ----

    const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
    const ink = (more) => ({ color: colour("ink"), fontSize: 13, ...more });

    // `spoken` is what a screen reader says of the chart.
    const base = (spoken, tooltip) => ({
        animation: false,
        aria: { enabled: true, label: { description: spoken } },
        textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: colour("ink") },
        tooltip: {
            trigger: "item", confine: true, backgroundColor: colour("paper"), borderColor: colour("line"),
            textStyle: ink(), formatter: tooltip,
        },
    });
    const legend = (more) => ({
        left: 0, itemGap: 14, itemWidth: 14, selectedMode: false, textStyle: { color: colour("ink") }, ...more,
    });
    // ECharts breaks a legend into lines but does not make room for them.
    const legend_lines = (names, width) => {
        let lines = 1, at = 0;
        for (const name of names) {
            const item = name.length * letter_width + 34;
            if (at > 0 && at + item > width) {
                ++lines;
                at = 0;
            }
            at += item;
        }
        return lines;
    };
    const value_axis = (format, name, width) => ({
        type: "value", name, nameLocation: "middle", nameGap: 28, splitNumber: width < 560 ? 3 : 6,
        nameTextStyle: { color: colour("soft") },
        axisLabel: {
            color: colour("soft"), hideOverlap: true, alignMinLabel: "left", alignMaxLabel: "right",
            formatter: on_axis(format),
        },
        splitLine: { lineStyle: { color: colour("line") } },
    });
    // A row's name stands above its bar, so that long names fit on a phone.
    const row_axis = (names, width) => ({
        type: "category", data: names.map((_, i) => i), inverse: true, z: 10,
        axisTick: { show: false }, axisLine: { show: false },
        axisLabel: ink({
            inside: true, margin: 0, verticalAlign: "bottom", padding: [0, 0, 13, 0],
            formatter: (i) => shortened(names[i], width - 8),
        }),
    });
    const rows_grid = (top) => ({ left: 4, right: 76, top: top + 18, bottom: 44 });
    const right_label = (text_of) => ink({ show: true, position: "right", formatter: (at) => text_of(at.dataIndex) });
    const title_of = (plan, index) => `${index === advice.best ? "★ " : ""}${plan.title}`;

    // ---- where the time goes ----

    const parts = [
        ["compute-device", "compute on the device", (s) => s.what === "compute" && s.side !== "server"],
        ["coding", "coding", (s) => s.what === "encode" || s.what === "decode"],
        ["round-trip", "round trip", (s) => s.what === "round_trip"],
        ["upload", "upload", (s) => s.what === "upload"],
        ["tcp", "TCP's window", (s) => s.what === "tcp"],
        ["queue", "queue", (s) => s.what === "queue"],
        ["compute-server", "compute on the server", (s) => s.what === "compute" && s.side === "server"],
        ["download", "download", (s) => s.what === "download"],
        ["overhead", "overhead", (s) => s.what === "overhead"],
    ].map(([key, name, fits]) => ({ key, name, fits }));
    const time_in = (plan, part) => plan.stages.filter(part.fits).reduce((sum, s) => sum + s.latency_s.value, 0);

    const plans_drawing = (width) => {
        const used = parts.filter((part) => plans.some((plan) => plan.stages.some(part.fits)));
        const legend_height = 26 * legend_lines(used.map((part) => part.name), width);
        const stage_line = (s) =>
            `${escaped(s.what.replace("_", " "))} ${small(s.platform)}: ${figure(s.latency_s, seconds)}`;
        const tooltip = ({ dataIndex }) => [
            bold(plans[dataIndex].title), ...plans[dataIndex].stages.map(stage_line),
            `together ${bold(seconds(total(plans[dataIndex])))}`].join("<br>");
        const spoken = `Plans from best to worst: ${listed(plans, (p) => `${p.title} ${seconds(total(p))}`)}. ` +
            "The table of all figures has the parts.";
        return {
            height: legend_height + 62 + row_height * plans.length,
            option: {
                ...base(spoken, tooltip), legend: legend({ top: 0 }), grid: rows_grid(legend_height),
                xAxis: value_axis(seconds, "latency of one inference", width),
                yAxis: row_axis(plans.map(title_of), width),
                series: [
                    ...used.map((part) => ({
                        name: part.name, type: "bar", stack: "parts", barWidth: 14,
                        itemStyle: { color: colour(part.key) }, data: plans.map((plan) => time_in(plan, part)),
                    })),
                    {   // carries the totals at the bars' ends
                        type: "bar", stack: "parts", silent: true, data: plans.map(() => 0),
                        label: right_label((i) => seconds(total(plans[i]))),
                    },
                ],
            },
        };
    };

    // ---- break-even ----

    const break_even_drawing = (width) => {
        const entries = advice.break_even;
        if (entries.length === 0) return null;
        const locals = advice.plans.filter((plan) => plan.kind === "local");
        const values = [...entries.map((e) => e.latency_s.value), ...locals.map(total)].filter((v) => v > 0);
        const low = Math.min(...values) / 2, high = Math.max(...values) * 2;
        // The device's lines are named at the top, each on a line of its own, so that close ones stay readable.
        const top = 20 * locals.length + 12;

        const bar = (from, to, y, key) => ({
            type: "rect", style: { fill: colour(key), opacity: 0.85 },
            shape: { x: from, y: y - 7, width: Math.max(0, to - from), height: 14 },
        });
        const draw_row = (_, api) => {
            const i = api.value(0);
            const at = (value) => api.coord([value, i]);
            const [x, y] = at(entries[i].latency_s.value);
            return { type: "group", children: [bar(at(low)[0], x, y, "local"), bar(x, at(high)[0], y, "offload")] };
        };
        const device_line = (plan, i) => ({
            xAxis: total(plan),
            label: ink({
                formatter: `${plan.title.replace("local on ", "")} ${seconds(total(plan))}`, position: "start",
                distance: [0, 4 + 18 * (locals.length - 1 - i)],
            }),
        });
        const tooltip = ({ dataIndex }) => {
            const e = entries[dataIndex];
            return `${bold(e.link)} to ${escaped(e.platform)} as ${escaped(e.codec)}<br>offloading wins above ` +
                figure(e.latency_s, seconds) + (e.energy_j ? `<br>or above ${figure(e.energy_j, joules)}` : "");
        };
        const spoken = "Break-even latency of the device alone: " +
            `${listed(entries, (e) => `${e.link} ${seconds(e.latency_s.value)}`)}. ` +
            `This device: ${listed(locals, (p) => `${p.title} ${seconds(total(p))}`)}.`;
        const axis = value_axis(seconds, "latency on the device alone", width);
        const key = (name, as) => ({ name, type: "bar", data: [], itemStyle: { color: colour(as) } });
        return {
            height: top + 96 + row_height * entries.length,
            option: {
                ...base(spoken, tooltip), legend: legend({ bottom: 0, data: ["run locally", "offload"] }),
                grid: { left: 4, right: 16, top: top + 18, bottom: 74 },
                xAxis: {
                    ...axis, type: "log", min: low, max: high,
                    axisLabel: { ...axis.axisLabel, showMinLabel: false, showMaxLabel: false },
                },
                yAxis: row_axis(entries.map((e) => `${e.link}: ${seconds(e.latency_s.value)}`), width),
                series: [
                    {
                        type: "custom", renderItem: draw_row, encode: { x: 1, y: 0 }, clip: true,
                        data: entries.map((e, i) => [i, e.latency_s.value]),
                        markLine: {
                            symbol: "none", silent: true, data: locals.map(device_line),
                            lineStyle: { color: colour("ink"), width: 2, type: "dashed" },
                        },
                    },
                    key("run locally", "local"), key("offload", "offload"),
                ],
            },
        };
    };

    // ---- predicted against measured ----

    const prediction_drawing = (width) => {
        const both = plans.filter((plan) => plan.prediction_error !== undefined);
        if (both.length === 0) return null;
        const error = (plan) => {
            const sign = plan.prediction_error >= 0 ? "+" : "−";
            return `${sign}${Math.abs(100 * plan.prediction_error).toFixed(1)} %`;
        };
        const tooltip = ({ value }) => {
            const plan = both[value[1]];
            return `${bold(plan.title)}<br>measured ${bold(seconds(total(plan)))}<br>predicted ` +
                `${bold(seconds(plan.predicted_latency_s))}<br>error ${bold(error(plan))}`;
        };
        const connect = (_, api) => {
            const [x1, y1] = api.coord([api.value(1), api.value(0)]);
            const [x2, y2] = api.coord([api.value(2), api.value(0)]);
            return { type: "line", shape: { x1, y1, x2, y2 }, style: { stroke: colour("soft"), lineWidth: 3 } };
        };
        const points = (name, symbol, key, value_of, label) => ({
            name, type: "scatter", symbol, symbolSize: 13, label,
            itemStyle: { color: colour(key), borderColor: colour("paper"), borderWidth: 1 },
            data: both.map((plan, i) => [value_of(plan), i]),
        });
        const measured_label = { ...right_label((i) => seconds(total(both[i]))), distance: 10 };
        const spoken = `Predicted against measured: ${listed(both, (p) => `${p.title} error ${error(p)}`)}.`;
        return {
            height: 88 + row_height * both.length,
            option: {
                ...base(spoken, tooltip), legend: legend({ top: 0, itemWidth: 25, data: ["measured", "predicted"] }),
                grid: rows_grid(26), xAxis: { ...value_axis(seconds, "latency of one inference", width), min: 0 },
                yAxis: row_axis(both.map((plan) => `${plan.title}: ${error(plan)}`), width),
                series: [
                    {
                        type: "custom", silent: true, encode: { x: [1, 2], y: 0 }, renderItem: connect,
                        data: both.map((plan, i) => [i, plan.predicted_latency_s, total(plan)]),
                    },
                    points("measured", "circle", "good", total, measured_label),
                    points("predicted", "diamond", "upload", (plan) => plan.predicted_latency_s, { show: false }),
                ],
            },
        };
    };

    // ---- energy ----

    const ranking_drawing = (key, format, axis_name, title) => (width) => {
        const known = plans.map((plan, i) => ({ plan, i })).filter(({ plan }) => plan.cost[key] !== null);
        if (known.length === 0) return null;
        const value_of = ({ plan }) => plan.cost[key].value;
        known.sort((a, b) => value_of(a) - value_of(b));
        const tooltip = ({ dataIndex }) => {
            const { plan } = known[dataIndex];
            return `${bold(plan.title)}<br>${figure(plan.cost[key], format)}`;
        };
        const bars = known.map((entry) => ({
            value: value_of(entry), itemStyle: { color: colour(entry.plan.kind === "local" ? "local" : "offload") },
        }));
        const spoken = `${title}: ${listed(known, (entry) => `${entry.plan.title} ${format(value_of(entry))}`)}.`;
        return {
            height: 84 + row_height * known.length,
            option: {
                ...base(spoken, tooltip), grid: rows_grid(24), xAxis: value_axis(format, axis_name, width),
                title: { text: title, left: 0, top: 0, textStyle: ink({ fontSize: 14, fontWeight: 600 }) },
                yAxis: row_axis(known.map(({ plan, i }) => title_of(plan, i)), width),
                series: [{
                    type: "bar", barWidth: 14, data: bars, label: right_label((i) => format(value_of(known[i]))),
                }],
            },
        };
    };

    // ---- onto the page ----

    const drawings = {
        "plans": plans_drawing,
        "break-even": break_even_drawing,
        "prediction": prediction_drawing,
        "energy": ranking_drawing("energy_j", joules, "energy of one inference", "Energy"),
        "edp": ranking_drawing("edp_js", joule_seconds, "energy × delay", "Energy-delay product"),
    };

    const draw = (id) => {
        const element = document.getElementById(id);
        if (!element) return;
        const drawing = plans.length === 0 ? null : drawings[id](element.clientWidth);
        if (!drawing) {
            element.textContent = "Nothing to draw: no plan has these figures.";
            element.style.minHeight = "0";
            return;
        }
        element.style.height = `${drawing.height}px`;
        if (!charts.has(id)) charts.set(id, echarts.init(element, null, { renderer: "svg" }));
        const chart = charts.get(id);
        chart.resize();
        chart.setOption(drawing.option, true);
        element.setAttribute("role", "img");
        element.dataset.drawn = "yes";
    };
    const draw_all = () => Object.keys(drawings).forEach(draw);

    draw_all();
    let width = document.body.clientWidth;
    new ResizeObserver(() => {
        if (document.body.clientWidth === width) return;
        width = document.body.clientWidth;
        draw_all();
    }).observe(document.body);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw_all);
    // Paper is white and narrower: the styles for print hold while these run.
    matchMedia("print").addEventListener("change", draw_all);
})();
