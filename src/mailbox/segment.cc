#include "mailbox/segment.h"

#include <algorithm>

#include "mailbox/impl.h"

namespace pabal::mailbox {
namespace {

constexpr uint8_t kVersion = 2, kListVersion = 1;
constexpr uint32_t kFirstPage = 1u << 31;  // pages of the dictionary have the block numbers from here on

std::string block_key(AccountId account, uint64_t segment, uint32_t block) {
  return keys::in_account(account, 'g').u64(segment).u32(block).take();
}

std::string list_key(AccountId account) { return keys::in_account(account, 'l').take(); }

// Nothing: the account has no list.
Result<std::optional<std::vector<uint64_t>>> listed_ids(const store::Reader& r, AccountId account) {
  std::optional<std::vector<uint64_t>> out;
  const auto list = r.get(list_key(account));
  if (!list) return list.error();
  if (!*list) return out;
  Decoder in(**list);
  bool whole = in.u8() == kListVersion;
  for (out.emplace(); whole && !in.done(); whole = in.ok()) out->push_back(in.u64());
  if (!whole) return damaged("the list of search segments");
  return out;
}

bool read_directory(std::string_view record, Segment& segment) {
  Decoder in(record);
  if (in.u8() != kVersion) return false;
  segment.messages = in.varint();
  segment.pages = in.u32();
  while (!in.done()) segment.first_words.emplace_back(in.string());
  // A page is larger than a block and has less of a word.
  return in.ok() && segment.pages <= segment.first_words.size();
}

template <typename Visit>
bool read_list(std::string_view list, const Visit& visit) {
  Decoder in(list);
  MessageId id = 0;
  while (!in.done()) {
    id += in.varint();
    const std::string_view positions = in.string();
    if (!in.ok()) return false;
    visit(Posting{id, positions});
  }
  return true;
}

// The postings in a block of the words for which `order` gives 0; it gives more than 0 behind them. False: damaged.
template <typename Order>
bool read_block(std::string_view block, const Order& order, const VisitPosting& visit) {
  Decoder in(block);
  if (in.u8() != kVersion) return false;
  while (!in.done()) {
    const std::string_view word = in.string(), list = in.string();
    if (!in.ok()) return false;
    const int where = order(word);
    if (where > 0) return true;
    if (where == 0 && !read_list(list, [&](const Posting& posting) { visit(word, posting); })) return false;
  }
  return true;
}

Result<std::string> need_block(const store::Reader& r, AccountId account, uint64_t segment, uint32_t number) {
  auto block = r.get(block_key(account, segment, number));
  if (!block) return block.error();
  if (!*block) return damaged("a search segment");
  return std::move(**block);
}

}  // namespace

std::string segment_prefix(AccountId account, uint64_t segment) {
  return keys::in_account(account, 'g').u64(segment).take();
}

std::vector<std::string> segment_keys(AccountId account, const Segment& segment) {
  std::vector<std::string> out;
  for (uint32_t i = 0; i <= segment.first_words.size(); ++i) out.push_back(block_key(account, segment.id, i));
  for (uint32_t i = 0; i < segment.pages; ++i) out.push_back(block_key(account, segment.id, kFirstPage + i));
  return out;
}

Result<std::vector<Segment>> scan_segments(const store::Reader& r, AccountId account) {
  std::vector<Segment> out;
  store::Range range = store::Range::prefix(keys::in_account(account, 'g').take());
  range.limit = 1;  // the directory comes first of each segment
  for (;;) {
    const auto first = r.list(range);
    if (!first) return first.error();
    if (first->empty()) return out;
    Decoder key(std::string_view(first->front().key).substr(6));
    Segment segment;
    segment.id = key.u64();
    segment.whole = key.u32() == 0;
    if (segment.whole && !read_directory(first->front().value, segment)) return damaged("a search segment");
    range.begin = store::Range::prefix(segment_prefix(account, segment.id)).end;
    out.push_back(std::move(segment));
  }
}

Result<std::vector<Segment>> list_segments(const store::Reader& r, AccountId account) {
  const auto ids = listed_ids(r, account);
  if (!ids) return ids.error();
  if (!*ids) return scan_segments(r, account);
  std::vector<Segment> out;
  for (const uint64_t id : **ids) {
    Segment& segment = out.emplace_back();
    segment.id = id;
    const auto directory = need_block(r, account, id, 0);
    if (!directory) return directory.error();
    if (!read_directory(*directory, segment)) return damaged("a search segment");
  }
  return out;
}

Result<void> change_list(store::Transaction& t, AccountId account, const std::vector<uint64_t>& gone, uint64_t made) {
  auto ids = listed_ids(t, account);
  if (!ids) return ids.error();
  if (!*ids) {
    const auto there = scan_segments(t, account);
    if (!there) return there.error();
    ids->emplace();
    for (const Segment& segment : *there)
      if (segment.whole) (*ids)->push_back(segment.id);
  }
  Encoder list;
  list.u8(kListVersion);
  for (const uint64_t id : **ids)
    if (std::find(gone.begin(), gone.end(), id) == gone.end()) list.u64(id);
  t.put(list_key(account), list.u64(made).view());
  return {};
}

Result<void> read_postings(const store::Reader& r, AccountId account, const Segment& segment, std::string_view word,
                           bool prefix, const VisitPosting& visit) {
  const auto& firsts = segment.first_words;
  const auto after = std::upper_bound(firsts.begin(), firsts.end(), word,
                                      [](std::string_view w, const std::string& f) { return w < f; });
  const auto order = [&](std::string_view w) {
    return w == word || (prefix && w.starts_with(word)) ? 0 : w.compare(word);
  };
  for (size_t i = after == firsts.begin() ? 0 : static_cast<size_t>(after - firsts.begin()) - 1; i < firsts.size();
       ++i) {
    if (order(firsts[i]) > 0) break;
    const auto block = need_block(r, account, segment.id, static_cast<uint32_t>(i + 1));
    if (!block) return block.error();
    if (!read_block(*block, order, visit)) return damaged("a search segment");
  }
  return {};
}

Result<void> read_postings(const store::Reader& r, AccountId account, const Segment& segment,
                           const std::vector<std::string>& words, const VisitPosting& visit) {
  const auto& firsts = segment.first_words;
  for (size_t at = 0; at < words.size();) {
    const auto after = std::upper_bound(firsts.begin(), firsts.end(), words[at]);
    if (after == firsts.begin()) {
      ++at;
      continue;
    }
    const auto number = static_cast<uint32_t>(after - firsts.begin());
    const size_t end =
        after == firsts.end()
            ? words.size()
            : static_cast<size_t>(std::lower_bound(words.begin() + static_cast<ptrdiff_t>(at), words.end(), *after) -
                                  words.begin());
    const auto block = need_block(r, account, segment.id, number);
    if (!block) return block.error();
    const auto order = [&](std::string_view w) {  // moves on through `words` as the block goes on
      while (at < end && words[at] < w) ++at;
      return at == end ? 1 : words[at] == w ? 0 : -1;
    };
    if (!read_block(*block, order, visit)) return damaged("a search segment");
    at = end;
  }
  return {};
}

Result<void> read_dictionary(const store::Reader& r, AccountId account, const Segment& segment,
                             const std::function<void(std::string_view page)>& visit) {
  for (uint32_t i = 0; i < segment.pages; ++i) {
    const auto page = need_block(r, account, segment.id, kFirstPage + i);
    if (!page) return page.error();
    if (page->size() < 2 || (*page)[0] != kVersion || page->back() != '\n') return damaged("a search segment");
    visit(std::string_view(*page).substr(1));
  }
  return {};
}

void SegmentWriter::add(std::string_view word, const std::vector<Posting>& postings) {
  if (postings.empty()) return;
  if (block_.view().empty()) {
    first_words_.emplace_back(word);
    block_.u8(kVersion);
  }
  Encoder list;
  MessageId before = 0;
  for (const Posting& posting : postings) {
    list.varint(posting.message - before).string(posting.positions);
    before = posting.message;
  }
  block_.string(word).string(list.view());
  if (page_.view().empty()) page_.u8(kVersion);
  page_.raw(word).u8('\n');
  if (page_.view().size() >= kPageOctets) end_page();
  if (block_.view().size() >= kBlockOctets) end_block();
}

void SegmentWriter::end_block() {
  if (block_.view().empty()) return;
  octets_waiting_ += block_.view().size();
  blocks_.push_back({block_key(account_, id_, static_cast<uint32_t>(first_words_.size())), block_.take()});
  block_ = Encoder();
}

void SegmentWriter::end_page() {
  if (page_.view().empty()) return;
  octets_waiting_ += page_.view().size();
  blocks_.push_back({block_key(account_, id_, kFirstPage + pages_++), page_.take()});
  page_ = Encoder();
}

std::vector<store::Entry> SegmentWriter::take_blocks() {
  octets_waiting_ = 0;
  return std::exchange(blocks_, {});
}

std::vector<store::Entry> SegmentWriter::finish(uint64_t messages) {
  end_block();
  end_page();
  Encoder directory;
  directory.u8(kVersion).varint(messages).u32(pages_);
  for (const std::string& word : first_words_) directory.string(word);
  blocks_.push_back({block_key(account_, id_, 0), directory.take()});
  return take_blocks();
}

Result<bool> SegmentCursor::next() {
  while (rest_.empty()) {
    if (block_number_ == segment_.first_words.size()) return false;
    auto block = need_block(r_, account_, segment_.id, ++block_number_);
    if (!block) return block.error();
    block_ = std::move(*block);
    if (Decoder(block_).u8() != kVersion) return damaged("a search segment");
    rest_ = std::string_view(block_).substr(1);
  }
  Decoder in(rest_);
  word_ = in.string();
  postings_ = in.string();
  if (!in.ok()) return damaged("a search segment");
  rest_ = in.rest();
  return true;
}

bool SegmentCursor::postings(std::vector<Posting>& out) const {
  return read_list(postings_, [&](const Posting& posting) { out.push_back(posting); });
}

}  // namespace pabal::mailbox
