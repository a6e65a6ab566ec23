#include "mailbox/segment.h"

#include <algorithm>

#include "mailbox/impl.h"

namespace pabal::mailbox {
namespace {

constexpr uint8_t kVersion = 1;

std::string block_key(AccountId account, uint64_t segment, uint32_t block) {
  return keys::in_account(account, 'g').u64(segment).u32(block).take();
}

// Visits the words of a block that `wanted` accepts. False: damaged.
bool read_block(std::string_view block, const std::function<int(std::string_view)>& order, const VisitPosting& visit) {
  Decoder in(block);
  if (in.u8() != kVersion) return false;
  std::vector<uint32_t> positions;
  while (in.ok() && !in.done()) {
    const std::string_view word = in.string();
    Decoder list(in.string());
    if (!in.ok()) return false;
    const int where = order(word);
    if (where > 0) return true;  // behind what is wanted
    if (where < 0) continue;
    MessageId id = 0;
    while (list.ok() && !list.done()) {
      id += list.varint();
      const uint64_t count = list.varint();
      if (!list.ok() || count > list.rest().size()) return false;
      positions.clear();
      uint64_t position = 0;
      for (uint64_t i = 0; i < count; ++i) positions.push_back(static_cast<uint32_t>(position += list.varint()));
      if (!list.ok()) return false;
      visit(word, id, positions);
    }
  }
  return in.ok();
}

}  // namespace

std::string segment_prefix(AccountId account, uint64_t segment) { return keys::in_account(account, 'g').u64(segment).take(); }

BuiltSegment build_segment(AccountId account, uint64_t id, uint64_t messages, const Postings& postings) {
  BuiltSegment built;
  Encoder directory;
  directory.u8(kVersion).varint(messages);
  Encoder block;
  std::string first;
  uint32_t number = 0;
  const auto finish = [&] {
    if (first.empty()) return;
    directory.string(first);
    built.entries.push_back({block_key(account, id, ++number), block.take()});
    block = Encoder();
    first.clear();
  };
  for (const auto& [word, list] : postings) {
    if (first.empty()) {
      first = word;
      block.u8(kVersion);
    }
    Encoder encoded;
    MessageId before = 0;
    for (const auto& [message, positions] : list) {
      encoded.varint(message - before).varint(positions.size());
      before = message;
      uint32_t last = 0;
      for (const uint32_t position : positions) {
        encoded.varint(position - last);
        last = position;
      }
    }
    block.string(word).string(encoded.view());
    if (block.view().size() >= kBlockOctets) finish();
  }
  finish();
  built.entries.push_back({block_key(account, id, 0), directory.take()});
  return built;
}

Result<std::vector<Segment>> list_segments(const store::Reader& r, AccountId account) {
  std::vector<Segment> out;
  const std::string prefix = keys::in_account(account, 'g').take();
  for (std::string from = prefix;;) {
    store::Range range = store::Range::prefix(prefix);
    range.begin = from;
    range.limit = 1;  // the directory comes first of each segment
    const auto first = r.list(range);
    if (!first) return first.error();
    if (first->empty()) return out;
    Decoder key(std::string_view(first->front().key).substr(6));
    Segment segment;
    segment.id = key.u64();
    Decoder in(first->front().value);
    if (key.u32() != 0 || in.u8() != kVersion) return damaged("a search segment");
    segment.messages = in.varint();
    while (in.ok() && !in.done()) segment.first_words.emplace_back(in.string());
    if (!in.ok()) return damaged("a search segment");
    from = store::Range::prefix(segment_prefix(account, segment.id)).end;
    out.push_back(std::move(segment));
  }
}

Result<void> read_postings(const store::Reader& r, AccountId account, const Segment& segment, std::string_view word, bool prefix,
                           const VisitPosting& visit) {
  const auto& firsts = segment.first_words;
  const auto after = std::upper_bound(firsts.begin(), firsts.end(), word, [](std::string_view w, const std::string& f) { return w < f; });
  for (size_t i = after == firsts.begin() ? 0 : static_cast<size_t>(after - firsts.begin()) - 1; i < firsts.size(); ++i) {
    if (firsts[i] > word && !(prefix && firsts[i].starts_with(word))) break;
    const auto block = r.get(block_key(account, segment.id, static_cast<uint32_t>(i + 1)));
    if (!block) return block.error();
    const auto order = [&](std::string_view w) { return w == word || (prefix && w.starts_with(word)) ? 0 : w.compare(word); };
    if (!*block || !read_block(**block, order, visit)) return damaged("a search segment");
  }
  return {};
}

Result<void> read_all_postings(const store::Reader& r, AccountId account, const Segment& segment, const VisitPosting& visit) {
  for (size_t i = 0; i < segment.first_words.size(); ++i) {
    const auto block = r.get(block_key(account, segment.id, static_cast<uint32_t>(i + 1)));
    if (!block) return block.error();
    if (!*block || !read_block(**block, [](std::string_view) { return 0; }, visit)) return damaged("a search segment");
  }
  return {};
}

}  // namespace pabal::mailbox
