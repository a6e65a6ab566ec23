// include, foreverypart and what goes with them.
#include "base/text.h"
#include "message/words.h"
#include "sieve/run.h"

namespace pabal::sieve {

// RFC 6609 §3.2
Flow include(Run& run, const Node& node) {
  const bool global = node.choice(Slot::kLocation, kPersonal) == kGlobalPlace;
  const std::string name = run.text(node, Slot::kScript);
  const std::string key = (global ? "g/" : "p/") + name;
  if (node.has(Slot::kOnce) && run.included.contains(key)) return Flow::kNext;
  for (const Frame& frame : run.frames)
    if (run.frames.size() > 1 && frame.script == name && frame.global_place == global &&
        &frame != &run.frames.front()) {
      if (node.has(Slot::kOnce)) return Flow::kNext;
      run.fail("the script \"" + text::printable(name) + "\" includes itself; remove one include");
      return Flow::kStop;
    }
  if (run.frames.size() > run.limits.include_depth || ++run.includes > run.limits.includes) {
    run.fail("too many scripts are included; put them together");
    return Flow::kStop;
  }
  const auto program = run.host.script(global ? Host::Location::kGlobal : Host::Location::kPersonal, name);
  if (!program) {
    if (program.code() == Code::kNotFound && node.has(Slot::kOptional)) return Flow::kNext;
    run.fail("the script \"" + text::printable(name) + "\" cannot be included: " + program.error().message);
    return Flow::kStop;
  }
  run.included.insert(key);
  const std::shared_ptr<const Program> held = *program;
  run.frames.emplace_back();
  run.frames.back().script = name;
  run.frames.back().global_place = global;
  const Flow flow = run.block(held->nodes);
  run.frames.pop_back();
  return flow == Flow::kReturn ? Flow::kNext : flow;
}

Parts parts_of(const message::Part& part) {
  Parts out;
  out.push_back(&part);
  // Depth first; the tree is at most message::kMaxDepth deep.
  for (const message::Part& child : part.children) {
    const Parts below = parts_of(child);
    out.insert(out.end(), below.begin(), below.end());
  }
  return out;
}

// RFC 5703 §3: every part of the message, outer ones first; inside of another loop the parts of its part.
Flow for_every_part(Run& run, const Node& node) {
  const message::Part* outer = run.part;
  Parts parts = parts_of(outer ? *outer : run.letter.root());
  if (outer) parts.erase(parts.begin());
  Flow flow = Flow::kNext;
  ++run.loops;
  for (const message::Part* part : parts) {
    if (!run.step()) break;
    run.part = part;
    flow = run.block(node.block);
    if (flow == Flow::kBreak) {
      const std::string name = run.text(node, Slot::kName);
      if (run.broken_loop.empty() || run.broken_loop == name) {
        run.broken_loop.clear();
        flow = Flow::kNext;
      }
      break;
    }
    if (flow != Flow::kNext) break;
  }
  run.part = outer;
  if (--run.loops == 0) {
    if (flow == Flow::kBreak)
      run.fail("there is no loop \"" + text::printable(run.broken_loop) + "\" around this break");
    run.letter.settle();
  }
  return run.failed() ? Flow::kStop : flow;
}

Flow break_loop(Run& run, const Node& node) {
  run.broken_loop = run.text(node, Slot::kName);
  if (run.loops == 0) run.fail("there is no loop around this break");
  return Flow::kBreak;
}

// RFC 5703 §7
Flow extract_text(Run& run, const Node& node) {
  if (!run.part) {
    run.fail("\"extracttext\" belongs in the block of a foreverypart");
    return Flow::kStop;
  }
  if (!run.step_parsed(run.part->body_size)) return Flow::kStop;
  std::string value = message::part_text(run.letter.bytes(), *run.part);
  const uint64_t first = node.number(Slot::kFirst, run.limits.variable_octets);
  size_t end = 0;
  for (uint64_t characters = 0; end < value.size() && characters < first; ++characters) {
    ++end;
    while (end < value.size() && (value[end] & 0xC0) == 0x80) ++end;
  }
  value.resize(end);
  run.set_variable(run.text(node, Slot::kVariable), run.modified(node, std::move(value)));
  return Flow::kNext;
}

}  // namespace pabal::sieve
