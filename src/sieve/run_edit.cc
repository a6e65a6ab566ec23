// RFC 5293 editheader; RFC 5703 replace and enclose.
#include <algorithm>
#include <array>

#include "base/codec.h"
#include "base/text.h"
#include "message/build.h"
#include "message/words.h"
#include "sieve/match.h"

namespace pabal::sieve {
namespace {

bool may_edit(Run& run) {
  if (++run.edits > run.limits.edits) run.fail("the script edits the message too often");
  return run.step_octets(run.letter.header_octets());
}

// A text as the value of a header field: line ends as blanks.
std::string one_line(std::string value) {
  for (char& c : value)
    if (c == '\r' || c == '\n' || c == '\0') c = ' ';
  return std::string(text::trim(value));
}

std::string field(Run& run, std::string_view name, const std::string& value) {
  const auto line = message::header_line(name, value);
  if (!line) {
    run.fail("no header field can be made of \"" + text::printable(name, 60) + "\": " + line.error().message);
    return {};
  }
  return *line;
}

// RFC 5293 §6: trace fields, and what keeps answers from being answered.
bool is_protected(std::string_view name) {
  return text::iequals(name, "Received") || text::iequals(name, "Auto-Submitted");
}

// RFC 5703 §5: a text as an entity, or the entity that :mime says it is.
std::string entity_of(const std::string& text, bool mime) {
  if (mime) return text;
  if (text::is_ascii(text)) return "Content-Type: text/plain; charset=utf-8\r\n\r\n" + text;
  return "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
         message::encode_quoted_printable(text);
}

std::string_view raw_field(std::string_view block, const message::HeaderField& f) {
  return block.substr(f.offset, f.size);
}

// The header of the message without the fields of its old content, with those of `entity`; RFC 5703 §5.
std::string header_with(Run& run, const Node& node, const std::string& entity_header) {
  const std::string whole = run.letter.whole();
  std::string out;
  for (const message::HeaderField& f : run.letter.fields()) {
    if (text::istarts_with(f.name, "Content-") || text::iequals(f.name, "MIME-Version")) continue;
    std::string_view raw = raw_field(whole, f);
    const bool subject = node.has(Slot::kSubject) && text::iequals(f.name, "Subject");
    const bool from = node.has(Slot::kFrom) && text::iequals(f.name, "From");
    if (subject || from) out += "Original-";  // §5: the old one is kept under another name
    out += raw;
    if (!raw.ends_with('\n')) out += "\r\n";
  }
  if (node.has(Slot::kSubject)) out += field(run, "Subject", one_line(run.text(node, Slot::kSubject)));
  if (node.has(Slot::kFrom)) out += field(run, "From", one_line(run.text(node, Slot::kFrom)));
  return out + "MIME-Version: 1.0\r\n" + entity_header;
}

}  // namespace

// RFC 5293 §3
Flow add_header(Run& run, const Node& node) {
  if (!may_edit(run)) return Flow::kStop;
  const std::string line = field(run, run.text(node, Slot::kName), one_line(run.text(node, Slot::kValue)));
  if (!run.failed()) run.letter.add_field(line, node.has(Slot::kLast));
  return Flow::kNext;
}

// RFC 5293 §4
Flow delete_header(Run& run, const Node& node) {
  if (!may_edit(run)) return Flow::kStop;
  const std::string name = run.text(node, Slot::kName);
  if (is_protected(name)) return Flow::kNext;
  std::vector<message::HeaderField> chosen;
  for (const message::HeaderField& f : run.letter.fields())
    if (text::iequals(f.name, name)) chosen.push_back(f);
  if (node.has(Slot::kIndex)) {
    const uint64_t index = node.number(Slot::kIndex, 1);
    if (index == 0 || index > chosen.size()) return Flow::kNext;
    chosen = {chosen[node.has(Slot::kLast) ? chosen.size() - index : index - 1]};
  }
  if (node.has(Slot::kKeys)) {
    Matching matching(run, node);
    std::vector<message::HeaderField> matched;
    for (const message::HeaderField& f : chosen)
      if (run.step_parsed(f.size) && matching.add(text::trim(message::decode_words(f.raw_value)))) matched.push_back(f);
    if (!matching.finish()) chosen = std::move(matched);  // with :count it is all or none
  }
  if (run.failed()) return Flow::kStop;
  // The last first, so that the places of the others hold.
  for (auto f = chosen.rbegin(); f != chosen.rend(); ++f) {
    if (!may_edit(run)) return Flow::kStop;
    run.letter.remove_field(*f);
  }
  return Flow::kNext;
}

// RFC 5703 §5: the part of the loop, or the whole message.
Flow replace(Run& run, const Node& node) {
  if (!may_edit(run) || !run.step_octets(run.letter.size())) return Flow::kStop;
  const std::string entity = entity_of(run.text(node, Slot::kReason), node.has(Slot::kMime));
  if (run.part && run.part != &run.letter.root()) {
    run.letter.replace_part(*run.part, entity);
    return Flow::kNext;
  }
  const size_t header = message::header_size(entity);
  std::string fields = entity.substr(0, header);
  if (!fields.ends_with("\r\n\r\n")) fields += fields.ends_with("\r\n") ? "\r\n" : "Content-Type: text/plain\r\n\r\n";
  run.letter.rewrite(header_with(run, node, fields), entity.substr(header));
  if (run.loops == 0) run.letter.settle();
  run.body_texts.reset();
  return Flow::kNext;
}

// RFC 5703 §6: the message becomes an attachment of a new one.
Flow enclose(Run& run, const Node& node) {
  // The whole message is copied, hashed and parsed: a large one can be enclosed twice.
  if (!may_edit(run) || !run.step(1 + run.letter.size() / 256)) return Flow::kStop;
  constexpr std::array<std::string_view, 6> kTaken = {"Date", "From", "To", "Cc", "Subject", "Message-ID"};
  std::vector<std::string> taken(kTaken.begin(), kTaken.end());
  if (node.has(Slot::kHeaders)) taken = run.texts(node, Slot::kHeaders);
  const std::string inner = run.letter.whole();
  std::string header;
  for (const message::HeaderField& f : run.letter.fields()) {
    if (text::istarts_with(f.name, "Content-") || text::iequals(f.name, "MIME-Version")) continue;
    if (node.has(Slot::kSubject) && text::iequals(f.name, "Subject")) continue;
    if (std::none_of(taken.begin(), taken.end(), [&](const std::string& name) { return text::iequals(name, f.name); }))
      continue;
    header += raw_field(inner, f);
    if (!header.ends_with('\n')) header += "\r\n";
  }
  if (node.has(Slot::kSubject)) header += field(run, "Subject", one_line(run.text(node, Slot::kSubject)));
  const std::string boundary = "=_" + text::hex(sha256(inner)).substr(0, 32);
  header += "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"" + boundary + "\"\r\n\r\n";
  std::string body = "--" + boundary + "\r\n" + entity_of(run.text(node, Slot::kReason), false) + "\r\n--" + boundary +
                     "\r\nContent-Type: message/rfc822\r\n";
  if (!text::is_ascii(inner)) body += "Content-Transfer-Encoding: 8bit\r\n";
  body += "\r\n" + inner + "\r\n--" + boundary + "--\r\n";
  run.letter.rewrite(std::move(header), std::move(body));
  if (run.loops == 0) run.letter.settle();
  run.body_texts.reset();
  return Flow::kNext;
}

}  // namespace pabal::sieve
