// The answers of explain and trace, drawn.

import { h } from "./dom.js";
import { stateOf } from "./words.js";

/** Names and values, two by two. */
export function factList(facts) {
  return h("dl", { class: "facts-list" }, ...facts.flatMap(([name, value]) => [h("dt", { text: name }), h("dd", { text: value })]));
}

/** The decisions behind each container, in their order, a no with its fix. */
export function explained(answer) {
  return answer.flatMap((explanation) => [
    answer.length > 1 ? h("h4", { text: explanation.container }) : null,
    h("ol", { class: "decisions" }, ...explanation.decisions.map(decisionItem)),
  ]);
}

function decisionItem(decision) {
  const route = decision.route && decision.step === "in rotation" ? ` of ${decision.route}` : "";
  return h(
    "li",
    { class: "decision" },
    h("span", { class: "verdict", "data-verdict": decision.verdict, text: decision.verdict }),
    h("span", {}, h("strong", { text: decision.step + route }), ` ${decision.value}`),
    decision.what ? h("span", { text: decision.what }) : null,
    decision.origin ? h("span", { class: "facts", text: decision.origin }) : null,
    decision.fix ? h("pre", { text: decision.fix }) : null,
  );
}

/** What becomes of a request: the outcome, who may answer it, and which routes lose. */
export function traced(answer) {
  const good = answer.outcome === "served" || answer.outcome === "redirected";
  return [
    h("p", { class: `notice ${good ? "" : "warning"}`, text: answer.fix ? `${answer.what}; fix: ${answer.fix}` : answer.what }),
    answer.route ? factList([["route", answer.route], ...answer.servers.map(share)]) : null,
    ...answer.remarks.map((remark) => h("p", { class: "facts", text: remark })),
    ...(answer.losers.length > 0 ? [h("h3", { text: "Routes that do not take it" }), factList(answer.losers.map((each) => [each.route, each.why]))] : []),
  ];
}

function share(server) {
  const part = server.in_rotation ? `${Math.round(server.share * 100)} % of the requests` : "not in rotation";
  return [server.name, `${stateOf(server)}, ${part}`];
}
