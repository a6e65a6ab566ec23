// RFC 5173: the body test.
#include "base/text.h"
#include "message/words.h"
#include "sieve/match.h"

namespace pabal::sieve {
namespace {

constexpr size_t kMaxText = 8 << 20;  // octets of a part that are compared: what is searched for stands at the front

// RFC 5173 §5.2: "" is every type, "text" every subtype of it.
bool is_of_type(const message::Part& part, std::string_view wanted) {
  if (wanted.empty()) return true;
  const size_t slash = wanted.find('/');
  if (slash == wanted.npos) return text::iequals(part.type, wanted);
  return text::iequals(part.type, wanted.substr(0, slash)) && text::iequals(part.subtype, wanted.substr(slash + 1));
}

// What of a part is compared with :content.
std::string content_of(const Run& run, const message::Part& part) {
  const std::string_view bytes = run.letter.bytes();
  if (part.is_message() && !part.children.empty()) return std::string(part.children[0].header(bytes));
  if (part.is_multipart() && !part.children.empty()) {  // what stands before and behind its parts
    const message::Part& first = part.children.front();
    const message::Part& last = part.children.back();
    const size_t end = size_t{last.body_offset} + last.body_size;
    return std::string(bytes.substr(part.body_offset, first.header_offset - part.body_offset))
        .append(bytes.substr(end, size_t{part.body_offset} + part.body_size - end));
  }
  std::string content = message::part_content(bytes, part);
  return part.is_text() ? message::to_utf8(content, part.charset()) : content;
}

const std::vector<std::string>& text_bodies(Run& run) {
  if (!run.body_texts) {
    run.body_texts.emplace();
    for (const message::Part* part : parts_of(run.letter.root())) {
      if (!part->is_text() || !part->children.empty()) continue;
      if (!run.step_decoded(part->body_size)) break;
      run.body_texts->push_back(message::part_text(run.letter.bytes(), *part).substr(0, kMaxText));
    }
  }
  return *run.body_texts;
}

}  // namespace

bool test_body(Run& run, const Node& node) {
  Matching matching(run, node, false);  // §6: sets no match variables
  switch (node.choice(Slot::kTransform, kText)) {
    case kRaw: {
      const message::Part& root = run.letter.root();
      if (matching.add(run.letter.bytes().substr(size_t{root.header_offset} + root.header_size, kMaxText))) return true;
      break;
    }
    case kContent: {
      const Operand* types = node.find(Slot::kTransform);
      std::vector<std::string> wanted;
      for (const Text& type : types->strings) wanted.push_back(run.text(type));
      for (const message::Part* part : parts_of(run.letter.root())) {
        bool chosen = false;
        for (const std::string& type : wanted) chosen = chosen || is_of_type(*part, type);
        if (!chosen) continue;
        if (!run.step_decoded(part->body_size)) return false;
        if (matching.add(std::string_view(content_of(run, *part)).substr(0, kMaxText))) return true;
      }
      break;
    }
    default:
      for (const std::string& text : text_bodies(run))
        if (matching.add(text)) return true;
  }
  return matching.finish();
}

}  // namespace pabal::sieve
