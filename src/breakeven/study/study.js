// Draws a study's figures from the JSON that the page carries. Words and tables are there without it.
"use strict";
(() => {
    const all = JSON.parse(document.getElementById("charts").textContent);
    const places = new Map();  // place -> { charts, chosen, log: Map(id -> {x, y}), instance }
    const letter = 7.2;        // width of the labels' 13 px letters, on average
    const symbols = ["circle", "rect", "triangle", "diamond"];
    const line_height = 26;    // of a legend
    const prefixes = [["n", 1e-9], ["u", 1e-6], ["m", 1e-3], ["", 1], ["k", 1e3], ["M", 1e6], ["G", 1e9], ["T", 1e12]];

    // ---- figures as text ----

    const scaled = (value, unit, least, most) => {
        if (value === 0) return `0 ${unit}`;
        const usable = prefixes.filter(([, size]) => size >= least && size <= most);
        let best = usable[0];
        for (const prefix of usable) if (Math.abs(value) >= 0.9995 * prefix[1]) best = prefix;
        const n = value / best[1];
        const digits = Math.abs(n) >= 99.95 ? 0 : Math.abs(n) >= 9.995 ? 1 : 2;
        return `${n.toFixed(digits)} ${best[0]}${unit}`;
    };
    const formats = {
        "s": (v) => scaled(v, "s", 1e-9, 1), "J": (v) => scaled(v, "J", 1e-9, 1e3), "Js": (v) => scaled(v, "Js", 1e-9, 1), "g": (v) => scaled(v, "g", 1e-9, 1e3),
        "B": (v) => scaled(v, "B", 1, 1e12), "count": (v) => (Math.abs(v) < 1000 ? `${+v.toPrecision(3)}` : scaled(v, "", 1, 1e12)),
        "%": (v) => `${+v.toPrecision(3)} %`, "x": (v) => `${+v.toPrecision(3)}×`,
    };
    const text_of = (axis) => formats[axis.unit];
    const on_axis = (axis) => (v) => text_of(axis)(v).replace(/\.(\d*?)0+ /, (_, kept) => (kept ? `.${kept} ` : " "));
    const escaped = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
    const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
    const ink = (more) => ({ color: colour("ink"), fontSize: 13, ...more });
    // What was measured and its model share a colour; the model is hollow.
    const is_model = (name) => / \(modelled\)$/.test(name);
    const looks = (chart) => {
        const families = [];
        return chart.series.map((s) => {
            const family = s.name.replace(/ \(modelled\)$/, "");
            if (!families.includes(family)) families.push(family);
            const i = families.indexOf(family);
            const symbol = symbols[i % symbols.length];
            const hollow = is_model(s.name) && chart.series.some((other) => other.name === family);
            return {
                colour: colour(`series-${i % 10}`), hollow,
                symbol: hollow ? `empty${symbol[0].toUpperCase()}${symbol.slice(1)}` : symbol,
            };
        });
    };
    const mark = (look, opacity) => (look.hollow ? { color: look.colour, opacity, borderWidth: 2 } :
        { color: look.colour, opacity, borderColor: colour("paper"), borderWidth: 1 });

    // ---- parts that every figure has ----

    const correlation_text = (c) => {
        if (!c) return "";
        const n = (v) => v.toFixed(2).replace("-", "−");
        return `r ${n(c.r)}${c.ci95 ? ` (${n(c.ci95[0])} to ${n(c.ci95[1])})` : ""}`;
    };
    const legend_name = (s) => (s.correlation ? `${s.name}: ${correlation_text(s.correlation)}` : s.name);
    const legend_lines = (names, width) => {
        let lines = 1, at = 0;
        for (const name of names) {
            const item = name.length * letter + 40;
            if (at > 0 && at + item > width) { ++lines; at = 0; }
            at += item;
        }
        return lines;
    };
    const spoken = (chart) => {
        const parts = chart.series.map((s) => `${legend_name(s)}, ${s.points.length} marks`);
        return `${chart.title}${chart.choice ? ` (${chart.choice})` : ""}: ${parts.join("; ")}. The CSV file ${chart.id} has every figure.`;
    };
    const base = (chart, names, width) => ({
        animation: false,
        aria: { enabled: true, label: { description: spoken(chart) } },
        textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: colour("ink") },
        legend: {
            top: 0, left: 0, itemGap: 12, itemWidth: 14, itemHeight: 11,
            textStyle: ink({ width: width - 40, overflow: "truncate" }), inactiveColor: colour("line"),
            data: names, width: width - 4,
        },
        tooltip: {
            trigger: "item", confine: true, backgroundColor: colour("paper"), borderColor: colour("line"), textStyle: ink(),
        },
    });
    const value_axis = (chart, axis, log, width, more) => ({
        type: log ? "log" : "value", name: axis.name, nameLocation: "middle", nameTextStyle: { color: colour("soft"), fontSize: 13 },
        scale: !log && chart.kind !== "stacked", boundaryGap: log || chart.kind === "stacked" ? 0 : ["4%", "4%"],
        axisLine: { lineStyle: { color: colour("line") } }, splitNumber: width < 560 ? 3 : 6,
        axisLabel: { color: colour("soft"), hideOverlap: true, formatter: on_axis(axis), alignMaxLabel: "right" },
        splitLine: { lineStyle: { color: colour("line") } }, minorSplitLine: { show: false }, ...more,
    });
    // The ends of a logarithmic axis: a little beyond the data, not at the next power of ten.
    const log_ends = (values) => {
        const positive = values.filter((v) => v > 0);
        const low = Math.min(...positive), high = Math.max(...positive);
        const margin = Math.max(1.15, (high / low) ** 0.04);
        return { min: low / margin, max: high * margin };
    };
    const zooms = (axes) => axes.map((axis) => ({
        type: "inside", [`${axis}AxisIndex`]: 0, filterMode: "none", zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false,
        moveOnMouseMove: true, preventDefaultMouseMove: false,
    }));
    const toolbox = (axes) => ({
        right: 0, bottom: 0, itemSize: 14, iconStyle: { borderColor: colour("soft") },
        feature: { dataZoom: { xAxisIndex: axes.includes("x") ? 0 : "none", yAxisIndex: axes.includes("y") ? 0 : "none", filterMode: "none" }, restore: {} },
    });

    // ---- the three kinds ----

    // A line for each category; its name stands left where there is room, else above.
    const category_axis = (chart, width) => {
        const longest = Math.max(...chart.categories.map((name) => name.length));
        const beside = longest * letter < 0.4 * width;
        return {
            beside, row: beside ? 24 : 40, left: beside ? Math.ceil(longest * letter) + 14 : 8,
            axis: {
                type: "category", data: chart.categories, inverse: true, z: 10, axisTick: { show: false },
                axisLine: { show: beside, lineStyle: { color: colour("line") } }, splitLine: { show: true, interval: 0, lineStyle: { color: colour("line"), opacity: 0.5 } },
                axisLabel: beside ? ink({ interval: 0 }) :
                    ink({ interval: 0, inside: true, margin: 0, verticalAlign: "bottom", padding: [0, 0, 7, 0] }),
            },
        };
    };
    const with_rows = (chart, log, width) => {
        const stacked = chart.kind === "stacked";
        const names = chart.series.map((s) => s.name);
        const top = line_height * legend_lines(names, width) + 8;
        const look = looks(chart);
        const rows = category_axis(chart, width);
        const values = chart.series.flatMap((s) => s.points.map((p) => p[0]));
        const ends = log ? log_ends(values) : { min: stacked ? 0 : undefined };
        const series = chart.series.map((s, i) => stacked ? {
            name: s.name, type: "bar", stack: "parts", barWidth: 12, itemStyle: { color: look[i].colour },
            data: s.points.map((p) => ({ value: [p[0], p[1]], point: p })),
        } : {
            name: s.name, type: "scatter", symbol: look[i].symbol, symbolSize: 11, symbolOffset: rows.beside ? 0 : [0, 6],
            itemStyle: mark(look[i], 0.85),
            data: s.points.map((p) => ({ value: [p[0], p[1]], point: p })),
        });
        if (!stacked && chart.id === "thresholds") {  // a line from the least to the largest
            const reach = chart.categories.map((_, y) => chart.series.map((s) => s.points[y][0]));
            series.unshift({
                type: "custom", silent: true, encode: { x: [1, 2], y: 0 }, data: reach.map((xs, y) => [y, Math.min(...xs), Math.max(...xs)]),
                renderItem: (_, api) => {
                    const [x1, y1] = api.coord([api.value(1), api.value(0)]), [x2, y2] = api.coord([api.value(2), api.value(0)]);
                    const down = rows.beside ? 0 : 6;
                    return { type: "line", shape: { x1, y1: y1 + down, x2, y2: y2 + down }, style: { stroke: colour("line"), lineWidth: 4 } };
                },
            });
        }
        const show = text_of(chart.x);
        const option = base(chart, names, width);
        option.tooltip.formatter = ({ seriesName, data }) =>
            `<b>${escaped(data.point[2])}</b><br>${escaped(seriesName)}: <b>${show(data.value[0])}</b> <small>${escaped(data.point[3])}</small>`;
        return {
            height: top + rows.row * chart.categories.length + 66,
            option: {
                ...option, series, dataZoom: zooms(["x"]), toolbox: toolbox(["x"]),
                grid: { left: rows.left, right: 22, top, bottom: 58 },
                xAxis: value_axis(chart, chart.x, log, width, { nameGap: 26, ...ends }), yAxis: rows.axis,
            },
        };
    };
    const scatter = (chart, log, width) => {
        const names = chart.series.map(legend_name);
        const top = line_height * legend_lines(names, width) + 12;
        const look = looks(chart);
        const points = chart.series.flatMap((s) => s.points);
        const sizes = points.map((p) => p[4] || 0);
        const biggest = Math.max(...sizes, 1);
        const ends = (which, axis) => (log[axis] ? log_ends(points.map((p) => p[which])) : {});
        const y_text = on_axis(chart.y);
        const left = 16 + letter * Math.max(...points.map((p) => y_text(p[1]).length), 6);
        const equal = chart.x.unit === chart.y.unit && chart.x.unit !== "count";
        const xs = points.map((p) => p[0]), ys = points.map((p) => p[1]);
        const line = [Math.max(Math.min(...xs), Math.min(...ys)), Math.min(Math.max(...xs), Math.max(...ys))];
        const option = base(chart, names, width);
        option.tooltip.formatter = ({ seriesName, data }) => [
            `<b>${escaped(data.point[2])}</b> <small>${escaped(data.point[3])}</small>`, escaped(seriesName),
            `${escaped(chart.x.name)} <b>${text_of(chart.x)(data.value[0])}</b>`,
            `${escaped(chart.y.name)} <b>${text_of(chart.y)(data.value[1])}</b>`,
            ...(data.point.length > 4 ? [`${escaped(chart.size_name)} ${formats.B(data.point[4])}`] : [])].join("<br>");
        const series = chart.series.map((s, i) => ({
            name: names[i], type: "scatter", symbol: look[i].symbol,
            symbolSize: (_, { data }) => (data.point.length > 4 ? 8 + 26 * Math.sqrt(data.point[4] / biggest) : 11),
            itemStyle: mark(look[i], chart.size_name ? 0.55 : 0.8),
            data: s.points.map((p) => ({ value: [p[0], p[1]], point: p })),
            ...(i === 0 && equal ? {
                markLine: {
                    silent: true, symbol: "none", lineStyle: { color: colour("soft"), type: "dashed" }, label: { show: false },
                    data: [[{ coord: [line[0], line[0]] }, { coord: [line[1], line[1]] }]],
                },
            } : {}),
        }));
        return {
            height: top + Math.min(480, Math.max(300, 0.5 * width)) + 66,
            option: {
                ...option, series, dataZoom: zooms(["x", "y"]), toolbox: toolbox(["x", "y"]),
                grid: { left: left + 18, right: 22, top, bottom: 58 },
                xAxis: value_axis(chart, chart.x, log.x, width, { nameGap: 26, ...ends(0, "x") }),
                yAxis: value_axis(chart, chart.y, log.y, width, { nameGap: left, ...ends(1, "y") }),
            },
        };
    };

    // ---- onto the page ----

    const can_log = (chart, which) => chart.series.every((s) => s.points.every((p) => p[which] > 0));
    // Below one and a half powers of ten a logarithmic axis has too few marks to be read.
    const is_wide = (chart, which) => {
        const values = chart.series.flatMap((s) => s.points.map((p) => p[which]));
        return can_log(chart, which) && Math.max(...values) / Math.min(...values) > 30;
    };
    const log_of = (place, chart) => {
        if (!place.log.has(chart.id)) {
            place.log.set(chart.id, { x: chart.x.log && is_wide(chart, 0), y: chart.y.log && is_wide(chart, 1) });
        }
        return place.log.get(chart.id);
    };

    const controls = (place) => {
        const box = place.section.querySelector(".controls");
        box.textContent = "";
        if (place.charts.length > 1) {
            const label = document.createElement("label");
            label.textContent = "Show ";
            const select = document.createElement("select");
            place.charts.forEach((chart, i) => select.add(new Option(chart.choice || chart.title, i, false, i === place.chosen)));
            select.addEventListener("change", () => { place.chosen = +select.value; draw(place); });
            label.append(select);
            box.append(label);
        }
        const chart = place.charts[place.chosen];
        if (chart.reason || chart.kind === "stacked") return;
        for (const [axis, which] of chart.kind === "scatter" ? [["x", 0], ["y", 1]] : [["x", 0]]) {
            if (!can_log(chart, which)) continue;
            const log = log_of(place, chart);
            const button = document.createElement("button");
            button.type = "button";
            button.textContent = `${chart[axis].name}: ${log[axis] ? "logarithmic" : "linear"}`;
            button.addEventListener("click", () => { log[axis] = !log[axis]; draw(place); });
            box.append(button);
        }
    };

    const draw = (place) => {
        const chart = place.charts[place.chosen];
        const element = place.section.querySelector(".chart");
        place.section.querySelector(".source").textContent = chart.figure ? `As the study's ${/^\d|^A/.test(chart.figure) ? "figure " : ""}${chart.figure}` : "";
        place.section.querySelector(".lead").textContent = chart.lead;
        controls(place);
        element.dataset.chart = chart.id;
        if (chart.reason) {
            if (place.instance) { place.instance.dispose(); place.instance = null; }
            element.classList.add("empty");
            element.style.height = "";
            element.textContent = `Not drawn. ${chart.reason}`;
            element.dataset.drawn = "reason";
            return;
        }
        if (!place.instance) {
            element.textContent = "";
            element.classList.remove("empty");
        }
        const log = log_of(place, chart), width = element.clientWidth;
        const drawing = chart.kind === "scatter" ? scatter(chart, log, width) : with_rows(chart, log.x, width);
        element.style.height = `${drawing.height}px`;
        if (!place.instance) place.instance = echarts.init(element, null, { renderer: "svg" });
        place.instance.resize();
        place.instance.setOption(drawing.option, true);
        element.setAttribute("role", "img");
        element.dataset.drawn = "yes";
    };

    for (const chart of all) {
        const name = chart.group || chart.id;
        if (!places.has(name)) {
            const section = [...document.querySelectorAll(".figure")].find((s) => s.dataset.place === name);
            places.set(name, { section, charts: [], chosen: 0, log: new Map(), instance: null });
        }
        places.get(name).charts.push(chart);
    }
    const draw_all = () => places.forEach(draw);
    draw_all();
    let width = document.body.clientWidth;
    new ResizeObserver(() => {
        if (document.body.clientWidth === width) return;
        width = document.body.clientWidth;
        draw_all();
    }).observe(document.body);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw_all);
    matchMedia("print").addEventListener("change", draw_all);
})();
