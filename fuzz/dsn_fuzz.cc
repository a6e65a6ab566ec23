// room: relay
// A report on foreign words and a foreign message is whole: three parts, its fields ours, no line broken by what was
// said.
#include <string>

#include "base/check.h"
#include "base/text.h"
#include "message/message.h"
#include "relay/dsn.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pabal;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto take = [&] {
    const size_t end = std::min(rest.find('\xFE'), rest.size());
    const std::string word(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return word;
  };
  if (rest.empty()) return 0;
  const auto choice = static_cast<unsigned char>(rest[0]);
  queue::Entry entry;
  entry.reverse_path = "alice@example.com";
  entry.ret = choice & 1 ? "FULL" : "";
  entry.requiretls = choice & 2;
  queue::Recipient r;
  r.address = "bob@univ.edu";
  r.last_reply = take();
  r.last_host = take();
  r.orcpt = take();
  entry.envid = take();
  entry.message_id = take();
  const auto kind = static_cast<relay::DsnKind>(choice % 3);
  const std::string report = relay::build_dsn(kind, entry, {&r}, rest, "mail.example.com", from_unix(1'800'000'000), 7);
  const message::Message parsed = message::parse(report);
  PABAL_CHECK(parsed.root.subtype == "report");
  PABAL_CHECK(parsed.root.children.size() == 2 || parsed.root.children.size() == 3);
  const std::string status(parsed.root.children[1].body(report));
  PABAL_CHECK(parsed.root.children[1].subtype == "delivery-status" && text::is_ascii(status));
  size_t actions = 0;
  for (size_t at = status.find("\r\nAction:"); at != status.npos; at = status.find("\r\nAction:", at + 1)) ++actions;
  PABAL_CHECK(actions == 1);
  return 0;
}
