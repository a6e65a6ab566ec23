// room: mailbox
// The records of the mail model, its segments and word lists: any bytes are decoded or refused, what is decoded
// survives being written again, and whatever text is cut into words gives UTF-8 words that a list keeps.
#include <string>

#include "base/check.h"
#include "base/text.h"
#include "mailbox/annotations.h"
#include "mailbox/mailbox.h"
#include "mailbox/records.h"
#include "mailbox/search.h"
#include "mailbox/segment.h"
#include "mailbox/sharing.h"

namespace {

using namespace pabal;
using namespace pabal::mailbox;

template <typename Decode>
void survives(std::string_view input, const Decode& decode) {
  const auto once = decode(input);
  if (!once) return;
  const std::string written = encode(*once);
  const auto again = decode(written);
  PABAL_CHECK(again && encode(*again) == written);
}

void records(std::string_view input) {
  survives(input, decode_state);
  survives(input, decode_mailbox);
  survives(input, decode_message);
  survives(input, [](std::string_view r) { return decode_changes(r, 1); });
  if (const auto rows = decode_rows(input, 70)) {
    const std::string written = encode_rows(*rows);
    const auto again = decode_rows(written, 64);
    PABAL_CHECK(again && encode_rows(*again) == written);
  }
  if (const auto ranges = decode_uids(input)) {
    UidMap map;
    for (const UidMap::Range& range : *ranges) map.append(range);
    PABAL_CHECK(encode_uids(*decode_uids(encode_uids(*ranges))) == encode_uids(*ranges));
    if (map.count() > 0) PABAL_CHECK(map.sequence(map.at(map.count())) == map.count());
  }
  (void)decode_details(input);
  (void)decode_prefix(input);
}

// A store with one value under every key that is asked for; scans find it under the key of a segment.
class OneValue final : public store::Reader {
 public:
  explicit OneValue(std::string_view value) : value_(value) {}
  Result<std::optional<std::string>> get(std::string_view, store::Space) const override {
    return std::optional<std::string>(value_);
  }
  Result<void> scan(const store::Range& range, const Visit& visit) const override {
    const std::string key = segment_keys(1, {1, 0, 0, {}, true}).front();
    if (range.begin <= key && key < range.end) visit(key, value_);
    return {};
  }

 private:
  const std::string value_;
};

void sharing(std::string_view input) {
  const OneValue store(input);
  if (const auto list = acl(store, 1, 1))
    (void)rights_in(*list, 1, [](const std::string& group) -> Result<bool> { return !group.empty(); });
  (void)annotation(store, {1, 1}, 1, "/shared/comment");
  (void)annotation_changes(store, 1);
  if (const auto name = annotation_name(input)) PABAL_CHECK(annotation_name(*name) == name);
}

void segments(std::string_view input) {
  const OneValue store(input);
  (void)list_segments(store, 1);
  const Segment segment{1, 1, 1, {"a", "b"}, true};
  const auto ignore = [](std::string_view, const Posting& posting) { (void)decode_positions(posting.positions); };
  (void)read_postings(store, 1, segment, input.substr(0, 3), true, ignore);
  (void)read_postings(store, 1, segment, {"a", std::string(input.substr(0, 3)), "z"}, ignore);
  (void)read_dictionary(store, 1, segment, [](std::string_view page) { PABAL_CHECK(page.ends_with('\n')); });
  SegmentCursor cursor(store, 1, segment);
  std::vector<Posting> postings;
  for (auto more = cursor.next(); more && *more; more = cursor.next()) (void)cursor.postings(postings);
}

void words(std::string_view input) {
  uint32_t next = 0;
  cut(input, [&](const Token& token) {
    PABAL_CHECK(token.position == next++ && !token.word.empty() && token.word.size() <= kMaxWord &&
                text::is_utf8(token.word));
    return true;
  });
  const auto read = [](std::string_view list) {
    return read_words(list, [](std::string_view word, std::string_view positions) {
      (void)decode_positions(positions);
      return !word.empty();
    });
  };
  (void)read(input);
  (void)unpacked(input);
  (void)words_of_another(input);
  PABAL_CHECK(input.empty() || unpacked(packed(input)) == input);
  const auto prepared = prepare(std::string(input));
  PABAL_CHECK(prepared->words.empty() || read(*unpacked(prepared->words)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      records(input);
      sharing(input);
      break;
    case 1:
      segments(input);
      break;
    default:
      words(input);
  }
  return 0;
}
