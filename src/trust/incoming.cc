#include "trust/incoming.h"

#include "base/text.h"
#include "trust/unpack.h"

namespace pabal::trust {
namespace {

constexpr int kMaxTries = 5;  // parts of one mail that look like a report: one has it

// By what it is: names and types are as often wrong as not.
bool looks_packed(std::string_view content) {
  return content.starts_with("\x1F\x8B") || content.starts_with("PK\x03\x04");
}
bool looks_like_xml(std::string_view content) {
  content = text::trim(content.substr(0, 200));
  return content.starts_with("<?xml") || content.starts_with("<feedback") || content.starts_with("\xEF\xBB\xBF<") ||
         content.starts_with("\xFF\xFE") || content.starts_with("\xFE\xFF");
}

// Tries the leaves of the tree in turn; `out` keeps the first trouble.
void search(std::string_view bytes, const message::Part& part, int& tries,
            std::optional<Result<AggregateReport>>& out) {
  if ((out && out->ok()) || tries == kMaxTries || part.is_message()) return;
  for (const message::Part& child : part.children) search(bytes, child, tries, out);
  if (!part.children.empty() || part.is_multipart() || (out && out->ok())) return;
  const std::string content = message::part_content(bytes, part);
  if (!looks_packed(content) && !looks_like_xml(content)) return;
  ++tries;
  auto xml = unpack(content);
  auto report = xml ? parse_aggregate(*xml) : Result<AggregateReport>(xml.error());
  if (!out || report) out = std::move(report);
}

}  // namespace

Result<IncomingReport> read_report(std::string_view bytes, const message::Message& message) {
  IncomingReport out;
  std::optional<Result<AggregateReport>> aggregate;
  int tries = 0;
  search(bytes, message.root, tries, aggregate);
  if (aggregate && aggregate->ok()) {
    out.aggregate = std::move(**aggregate);
    return out;
  }
  auto failure = parse_failure(bytes, message);
  if (failure) {
    out.failure = std::move(*failure);
    return out;
  }
  if (aggregate) return aggregate->error();
  return Error{failure.code(), "no report is in it: it has no compressed or XML part, and " + failure.error().message};
}

}  // namespace pabal::trust
