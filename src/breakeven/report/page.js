// Draws the charts from the JSON that the page carries. The page's words and tables are there without it.
"use strict";
(() => {
    const advice = JSON.parse(document.getElementById("advice").textContent);
    const charts = new Map();       // element id -> [chart, option maker]
    const row_height = 46;
    const plans_drawn_max = 24;     // more bars than this are no picture any more; the table has them all

    const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

    const with_unit = (value, unit, prefixes) => {
        if (value === 0) return `0 ${unit}`;
        let best = prefixes[0];
        for (const prefix of prefixes) if (Math.abs(value) >= 0.9995 * prefix[1]) best = prefix;
        const scaled = value / best[1];
        const size = Math.abs(scaled);
        return `${scaled.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2)} ${best[0]}${unit}`;
    };
    const small = [["n", 1e-9], ["µ", 1e-6], ["m", 1e-3], ["", 1]];
    const seconds = (value) => with_unit(value, "s", small);
    const joules = (value) => with_unit(value, "J", small);
    const joule_seconds = (value) => with_unit(value, "Js", small);
    // On an axis "0.60 ms" would be noise: no trailing zeros there.
    const axis = (format) => (value) => format(value).replace(/\.(\d*?)0+ /, (_, kept) => (kept ? `.${kept} ` : " "));

    // ECharts' tooltips are HTML; names come from files.
    const escaped = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
    const shortened = (text, width) => (text.length * 7.2 > width ? `${text.slice(0, Math.max(8, Math.floor(width / 7.2) - 1))}…` : text);

    const plans = advice.plans.slice(0, plans_drawn_max);
    const total = (plan) => plan.cost.latency_s.value;

    const parts = [
        { key: "compute-device", label: "compute on the device", fits: (s) => s.what === "compute" && s.side !== "server" },
        { key: "round-trip", label: "round trip", fits: (s) => s.what === "round_trip" },
        { key: "upload", label: "upload", fits: (s) => s.what === "upload" },
        { key: "queue", label: "queue", fits: (s) => s.what === "queue" },
        { key: "compute-server", label: "compute on the server", fits: (s) => s.what === "compute" && s.side === "server" },
        { key: "download", label: "download", fits: (s) => s.what === "download" },
        { key: "overhead", label: "overhead", fits: (s) => s.what === "overhead" },
    ];

    const base = (label) => ({
        animation: false,
        aria: { enabled: true, label: { description: label } },
        textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: colour("ink") },
        tooltip: {
            confine: true, backgroundColor: colour("paper"), borderColor: colour("line"),
            textStyle: { color: colour("ink"), fontSize: 13 },
        },
    });
    const value_axis = (format, name, width) => ({
        type: "value", name, splitNumber: width < 560 ? 3 : 6, nameLocation: "middle", nameGap: 28, nameTextStyle: { color: colour("soft") },
        axisLabel: { color: colour("soft"), hideOverlap: true, alignMinLabel: "left", alignMaxLabel: "right", formatter: axis(format) },
        splitLine: { lineStyle: { color: colour("line") } },
    });
    // A row's name stands above its bar, so that long names fit on a phone.
    const row_axis = (names, width) => ({
        type: "category", data: names.map((_, i) => i), inverse: true,
        axisTick: { show: false }, axisLine: { show: false },
        axisLabel: {
            inside: true, margin: 0, verticalAlign: "bottom", padding: [0, 0, 13, 0], color: colour("ink"), fontSize: 13,
            formatter: (i) => shortened(names[i], width - 90),
        },
        z: 10,
    });
    const title_of = (plan, index) => `${index === advice.best ? "★ " : ""}${plan.title}`;
    const total_label = (text_of) => ({
        show: true, position: "right", color: colour("ink"), fontSize: 13, formatter: ({ dataIndex }) => text_of(dataIndex),
    });
    const rows_grid = (legend) => ({ left: 4, right: 76, top: legend + 18, bottom: 44 });

    const plans_option = (width) => {
        const used = parts.filter((part) => plans.some((plan) => plan.stages.some(part.fits)));
        const share = (plan, part) => plan.stages.filter(part.fits).reduce((sum, s) => sum + s.latency_s.value, 0);
        const legend = width < 700 ? 26 * Math.ceil(used.length / Math.max(1, Math.floor(width / 190))) : 26;
        const tooltip = ({ dataIndex }) => {
            const plan = plans[dataIndex];
            const lines = plan.stages.map((s) => `${escaped(s.what.replace("_", " "))} <small>${escaped(s.platform)}</small>: ` +
                `<b>${seconds(s.latency_s.value)}</b> <small>${s.latency_s.origin}</small>`);
            return `<b>${escaped(plan.title)}</b><br>${lines.join("<br>")}<br>together <b>${seconds(total(plan))}</b>`;
        };
        const base_option = base(`Plans from best to worst: ${plans.map((p) => `${p.title} ${seconds(total(p))}`).join(", ")}. ` +
            "The table of all figures has the parts.");
        return {
            height: legend + 62 + row_height * plans.length,
            option: {
                ...base_option,
                tooltip: { ...base_option.tooltip, trigger: "item", formatter: tooltip },
                legend: { top: 0, left: 0, itemGap: 14, itemWidth: 14, textStyle: { color: colour("ink") }, selectedMode: false },
                grid: rows_grid(legend), xAxis: value_axis(seconds, "latency of one inference", width),
                yAxis: row_axis(plans.map(title_of), width),
                series: [
                    ...used.map((part) => ({
                        name: part.label, type: "bar", stack: "parts", barWidth: 14, itemStyle: { color: colour(part.key) },
                        data: plans.map((plan) => share(plan, part)),
                    })),
                    { type: "bar", stack: "parts", silent: true, data: plans.map(() => 0), tooltip: { show: false },
                      label: total_label((i) => seconds(total(plans[i]))) },
                ],
            },
        };
    };

    const break_even_option = (width) => {
        const entries = advice.break_even;
        const locals = advice.plans.filter((plan) => plan.kind === "local");
        if (entries.length === 0) return null;
        const values = [...entries.map((e) => e.latency_s.value), ...locals.map(total)].filter((v) => v > 0);
        const low = Math.min(...values) / 2, high = Math.max(...values) * 2;
        // The device's lines are named at the top, each on a line of its own, so that close ones stay readable.
        const top = 20 * locals.length + 12;
        const draw = (_, api) => {
            const i = api.value(0);
            const [x, y] = api.coord([entries[i].latency_s.value, i]);
            const [left] = api.coord([low, i]);
            const [right] = api.coord([high, i]);
            const rect = (from, to, key) => ({ type: "rect", style: { fill: colour(key), opacity: 0.85 },
                                               shape: { x: from, y: y - 7, width: Math.max(0, to - from), height: 14 } });
            return { type: "group", children: [rect(left, x, "local"), rect(x, right, "offload")] };
        };
        const device_lines = locals.map((plan, i) => ({
            xAxis: total(plan), label: { formatter: `${plan.title.replace("local on ", "")} ${seconds(total(plan))}`, position: "start",
                distance: [0, 4 + 18 * (locals.length - 1 - i)], color: colour("ink"), fontSize: 13 },
        }));
        const base_option = base(`Break-even on-device latency: ${entries.map((e) => `${e.link} ${seconds(e.latency_s.value)}`).join(", ")}. ` +
            `This device alone: ${locals.map((p) => `${p.title} ${seconds(total(p))}`).join(", ")}.`);
        return {
            height: top + 96 + row_height * entries.length,
            option: {
                ...base_option,
                tooltip: { ...base_option.tooltip, trigger: "item", formatter: ({ dataIndex }) => {
                    const e = entries[dataIndex];
                    return `<b>${escaped(e.link)}</b> to ${escaped(e.platform)} as ${escaped(e.codec)}<br>offloading wins above ` +
                        `<b>${seconds(e.latency_s.value)}</b> <small>${e.latency_s.origin}</small>` +
                        (e.energy_j ? `<br>or above <b>${joules(e.energy_j.value)}</b> <small>${e.energy_j.origin}</small>` : "");
                } },
                legend: { bottom: 0, left: 0, selectedMode: false, itemWidth: 14, textStyle: { color: colour("ink") },
                          data: [{ name: "run locally", itemStyle: { color: colour("local") } }, { name: "offload", itemStyle: { color: colour("offload") } }] },
                grid: { left: 4, right: 16, top: top + 18, bottom: 74 },
                xAxis: { ...value_axis(seconds, "latency on the device alone"), axisLabel: { ...value_axis(seconds).axisLabel,
                             showMinLabel: false, showMaxLabel: false }, type: "log", min: low, max: high },
                yAxis: row_axis(entries.map((e) => `${e.link}: ${seconds(e.latency_s.value)}`), width),
                series: [
                    { name: "break-even", type: "custom", renderItem: draw, encode: { x: 1, y: 0 }, clip: true,
                      data: entries.map((e, i) => [i, e.latency_s.value]),
                      markLine: { symbol: "none", silent: true, lineStyle: { color: colour("ink"), width: 2, type: "dashed" }, data: device_lines } },
                    { name: "run locally", type: "bar", data: [], itemStyle: { color: colour("local") } },
                    { name: "offload", type: "bar", data: [], itemStyle: { color: colour("offload") } },
                ],
            },
        };
    };

    const prediction_option = (width) => {
        const both = plans.filter((plan) => plan.prediction_error !== undefined);
        if (both.length === 0) return null;
        const error = (plan) => `${plan.prediction_error >= 0 ? "+" : "−"}${Math.abs(100 * plan.prediction_error).toFixed(1)} %`;
        const base_option = base(`Predicted against measured: ${both.map((p) => `${p.title} error ${error(p)}`).join(", ")}.`);
        const points = (name, symbol, key, value_of, label) => ({
            name, type: "scatter", symbol, symbolSize: 13, itemStyle: { color: colour(key), borderColor: colour("paper"), borderWidth: 1 },
            data: both.map((plan, i) => [value_of(plan), i]), label,
        });
        return {
            height: 88 + row_height * both.length,
            option: {
                ...base_option,
                tooltip: { ...base_option.tooltip, trigger: "item", formatter: ({ value }) => {
                    const plan = both[value[1]];
                    return `<b>${escaped(plan.title)}</b><br>measured <b>${seconds(total(plan))}</b><br>predicted ` +
                        `<b>${seconds(plan.predicted_latency_s)}</b><br>error <b>${error(plan)}</b>`;
                } },
                legend: { top: 0, left: 0, itemGap: 14, textStyle: { color: colour("ink") }, selectedMode: false, data: ["measured", "predicted"] },
                grid: rows_grid(26), xAxis: { ...value_axis(seconds, "latency of one inference", width), min: 0 },
                yAxis: row_axis(both.map((plan) => `${plan.title}: ${error(plan)}`), width),
                series: [
                    { type: "custom", silent: true, encode: { x: [1, 2], y: 0 }, tooltip: { show: false },
                      data: both.map((plan, i) => [i, plan.predicted_latency_s, total(plan)]),
                      renderItem: (_, api) => {
                          const [a, y] = api.coord([api.value(1), api.value(0)]);
                          const [b] = api.coord([api.value(2), api.value(0)]);
                          return { type: "line", shape: { x1: a, y1: y, x2: b, y2: y }, style: { stroke: colour("soft"), lineWidth: 3 } };
                      } },
                    points("measured", "circle", "good", total, { show: true, position: "right", distance: 10, color: colour("ink"),
                        fontSize: 13, formatter: ({ dataIndex }) => seconds(total(both[dataIndex])) }),
                    points("predicted", "diamond", "upload", (plan) => plan.predicted_latency_s, { show: false }),
                ],
            },
        };
    };

    const ranking_option = (key, format, name, title) => (width) => {
        const known = plans.map((plan, i) => [plan, i]).filter(([plan]) => plan.cost[key] !== null);
        known.sort(([a], [b]) => a.cost[key].value - b.cost[key].value);
        if (known.length === 0) return null;
        const base_option = base(`${title}: ${known.map(([p]) => `${p.title} ${format(p.cost[key].value)}`).join(", ")}.`);
        return {
            height: 84 + row_height * known.length,
            option: {
                ...base_option,
                title: { text: title, left: 0, top: 0, textStyle: { fontSize: 14, fontWeight: 600, color: colour("ink") } },
                tooltip: { ...base_option.tooltip, trigger: "item", formatter: ({ dataIndex }) => {
                    const plan = known[dataIndex][0];
                    return `<b>${escaped(plan.title)}</b><br><b>${format(plan.cost[key].value)}</b> <small>${plan.cost[key].origin}</small>`;
                } },
                grid: rows_grid(24), xAxis: value_axis(format, name, width),
                yAxis: row_axis(known.map(([plan, i]) => title_of(plan, i)), width),
                series: [{ type: "bar", barWidth: 14, label: total_label((i) => format(known[i][0].cost[key].value)),
                           data: known.map(([plan]) => ({ value: plan.cost[key].value,
                               itemStyle: { color: colour(plan.kind === "local" ? "local" : "offload") } })) }],
            },
        };
    };

    const drawings = {
        "plans": plans_option,
        "break-even": break_even_option,
        "prediction": prediction_option,
        "energy": ranking_option("energy_j", joules, "energy of one inference", "Energy"),
        "edp": ranking_option("edp_js", joule_seconds, "energy × delay", "Energy-delay product"),
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
