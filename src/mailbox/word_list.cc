// The word list of a message, cut at its arrival: what most of prepare() costs, so it allocates little and sorts
// nothing.
#include <algorithm>
#include <cstring>

#include "base/codec.h"
#include "base/random.h"
#include "base/text.h"
#include "mailbox/compress.h"
#include "mailbox/search.h"
#include "message/body_parts.h"

namespace pabal::mailbox {
namespace {

constexpr uint8_t kPlain = 1, kSameWords = 2, kPacked = 3;  // what a record holds
constexpr size_t kCompressFrom = 512;                       // octets
constexpr size_t kMaxList = 16 << 20;                       // decompressed, against a damaged record
constexpr uint32_t kGap = 100;  // positions between the values of fields, so that no phrase spans them

size_t varint_size(uint64_t v) {
  size_t size = 1;
  for (; v >= 0x80; v >>= 7) ++size;
  return size;
}

// The words seen so far and where. Open addressing; the hash has a secret, for a sender chooses the words.
class WordTable {
 public:
  WordTable() : secret_(SystemRandom().next_u64()), slots_(kSlots) {}

  void add(char field, std::string_view word, uint32_t position) {
    if ((words_.size() + 1) * 2 > slots_.size()) grow();
    const uint64_t hash = hash_of(word) + static_cast<unsigned char>(field);
    size_t slot = hash & (slots_.size() - 1);
    for (; slots_[slot] != 0; slot = (slot + 1) & (slots_.size() - 1)) {
      Word& known = words_[slots_[slot] - 1];
      if (known.hash == hash && known.field == field && text_of(known) == word) return add_place(known, position);
    }
    words_.push_back(
        {hash, static_cast<uint32_t>(text_.size()), static_cast<uint8_t>(word.size()), field, 0, 0, kNone, kNone});
    slots_[slot] = static_cast<uint32_t>(words_.size());
    text_ += word;
    add_place(words_.back(), position);
  }

  std::string list() const {
    size_t size = text_.size();
    for (const Word& word : words_) size += 1 + varint_size(word.size + 1u) + varint_size(word.octets) + word.octets;
    std::string out(size, '\0');
    char* at = out.data();
    const auto put = [&at](uint64_t v) {
      for (; v >= 0x80; v >>= 7) *at++ = static_cast<char>(v | 0x80);
      *at++ = static_cast<char>(v);
    };
    for (const Word& word : words_) {
      put(word.size + 1u);
      *at++ = word.field;
      at = std::copy_n(text_.data() + word.begin, word.size, at);
      put(word.octets);
      for (uint32_t i = word.first; i != kNone; i = places_[i].next) put(places_[i].gap);
    }
    return out;
  }

  // Keeps its memory, but not that of an uncommonly large message.
  void clear() {
    if (slots_.size() > kKeep)
      slots_ = std::vector<uint32_t>(kSlots);
    else
      std::fill(slots_.begin(), slots_.end(), 0);
    if (words_.size() > kKeep) words_ = {};
    if (places_.size() > kKeep) places_ = {};
    if (text_.size() > kKeep * 8) text_ = {};
    words_.clear();
    places_.clear();
    text_.clear();
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr size_t kSlots = 1 << 11, kKeep = 1 << 13;
  struct Word {
    uint64_t hash;
    uint32_t begin;
    uint8_t size;
    char field;
    uint32_t position;  // the last one
    uint32_t octets;    // of its gaps as varints
    uint32_t first, last;
  };
  struct Place {
    uint32_t gap, next;
  };

  std::string_view text_of(const Word& word) const { return {text_.data() + word.begin, word.size}; }

  void add_place(Word& word, uint32_t position) {
    const auto place = static_cast<uint32_t>(places_.size());
    const uint32_t gap = position - word.position;
    places_.push_back({gap, kNone});
    (word.first == kNone ? word.first : places_[word.last].next) = place;
    word.last = place;
    word.position = position;
    word.octets += static_cast<uint32_t>(varint_size(gap));
  }

  uint64_t hash_of(std::string_view word) const {
    const auto mixed = [](uint64_t a, uint64_t b) {
      const auto product = static_cast<unsigned __int128>(a) * b;
      return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
    };
    const auto read = [](const char* from, auto as) {
      std::memcpy(&as, from, sizeof as);
      return static_cast<uint64_t>(as);
    };
    const char* at = word.data();
    size_t left = word.size();
    uint64_t h = secret_ ^ left;
    for (; left > 8; left -= 8, at += 8) h = mixed(h ^ read(at, uint64_t{}), 0x9E3779B97F4A7C15);
    uint64_t rest = 0;  // 1 to 8 octets, in reads that may overlap
    if (left >= 4)
      rest = read(at, uint32_t{}) << 32 | read(at + left - 4, uint32_t{});
    else if (left > 0)
      rest = read(at, uint8_t{}) << 16 | read(at + left / 2, uint8_t{}) << 8 | read(at + left - 1, uint8_t{});
    return mixed(mixed(h ^ rest, 0xA0761D6478BD642F), secret_ | 1);
  }

  void grow() {
    slots_.assign(slots_.size() * 2, 0);
    for (size_t i = 0; i < words_.size(); ++i) {
      size_t slot = words_[i].hash & (slots_.size() - 1);
      while (slots_[slot] != 0) slot = (slot + 1) & (slots_.size() - 1);
      slots_[slot] = static_cast<uint32_t>(i + 1);
    }
  }

  const uint64_t secret_;
  std::vector<uint32_t> slots_;  // index of a word, plus one
  std::vector<Word> words_;
  std::vector<Place> places_;
  std::string text_;
};

// ASCII octets of these mean ASCII.
bool extends_ascii(std::string_view charset) {
  if (charset.empty()) return true;
  for (const std::string_view known : {"us-ascii", "utf-8", "iso-8859-", "windows-125", "euc-kr", "ks_c_5601", "gb2312",
                                       "gbk", "gb18030", "big5", "koi8-"})
    if (text::istarts_with(charset, known)) return true;
  return false;
}

class Reader {
 public:
  Reader(WordTable& table, std::string_view bytes) : table_(table), bytes_(bytes) {}

  void value(char field, std::string_view utf8) {
    uint32_t last = 0;
    cut(utf8, [&](const Token& token) {
      if (left_ == 0) return false;
      --left_;
      table_.add(field, token.word, base_ + (last = token.position));
      if (!token.ascii && !token.cjk)
        if (const std::string plain = without_accents(token.word); !plain.empty())
          table_.add(plain_field(field), plain, base_ + last);
      return true;
    });
    base_ += last + kGap;
  }
  // Those in no other field.
  void others(std::string_view header) {
    for (const message::HeaderField& field : message::header_fields(header))
      if (left_ > 0 && is_indexed_field(field.name)) value('h', message::decode_words(field.raw_value));
  }
  bool cut_short() const { return left_ == 0 || text_left_ == 0; }
  void people(char field, const std::vector<message::AddressItem>& list) {
    for (const message::AddressItem& item : list)
      if (left_ > 0) value(field, item.display_text() + " " + item.address());
  }
  void part(const message::Part& part) {
    if (left_ == 0 || text_left_ == 0) return;
    if (const std::string name = part.filename(); !name.empty()) value('b', name);
    if (part.summary) {
      value('b', message::decode_words(part.summary->subject));
      people('b', part.summary->from);
    }
    if (part.is_multipart() && part.subtype == "alternative")  // of several forms of one text the plain one is enough
      for (const message::Part& child : part.children)
        if (child.is_text() && child.subtype == "plain" && child.body_size > 0) return text(child);
    if (part.is_text() && part.children.empty()) text(part);
    for (const message::Part& child : part.children) this->part(child);
  }

 private:
  void text(const message::Part& part) {
    const auto take = [&](std::string_view utf8) {
      utf8 = message::utf8_prefix(utf8, text_left_);
      text_left_ -= utf8.size();
      value('b', utf8);
    };
    // Plain ASCII and UTF-8 are read where they lie.
    const bool as_it_is = part.subtype != "html" &&
                          (part.encoding == "7bit" || part.encoding == "8bit" || part.encoding == "binary") &&
                          extends_ascii(part.charset());
    const std::string_view body = part.body(bytes_);
    if (as_it_is && (text::is_ascii(body) || (text::iequals(part.charset(), "utf-8") && text::is_utf8(body))))
      take(body);
    else
      take(message::part_text(bytes_, part));
  }

  WordTable& table_;
  const std::string_view bytes_;
  uint32_t base_ = 0;
  size_t left_ = kMaxPositions, text_left_ = kMaxSearchText;
};

}  // namespace

std::string word_list(std::string_view bytes, const message::Message& m) {
  thread_local WordTable table;
  table.clear();
  Reader reader(table, bytes);
  reader.value('s', message::decode_words(m.summary.subject));
  reader.people('f', m.summary.from);
  reader.people('t', m.summary.to);
  reader.people('c', m.summary.cc);
  reader.others(m.root.header(bytes));
  reader.part(m.root);
  if (reader.cut_short()) table.add(kCutShort[0], kCutShort.substr(1), 0);
  if (message::has_attachment(m.root)) table.add(kWithAttachment[0], kWithAttachment.substr(1), 0);
  return table.list();
}

std::string file_word_list(const std::vector<std::string>& texts) {
  thread_local WordTable table;
  table.clear();
  Reader reader(table, {});
  for (const std::string& text : texts) reader.value('a', text);
  return table.list();
}

bool is_indexed_field(std::string_view name) {
  // What has no words to look for, or is in the other fields. References are as long as a thread is old.
  static constexpr std::string_view kNot[] = {"Subject",  "From",         "To",           "Cc",
                                              "Date",     "References",   "MIME-Version", "Return-Path",
                                              "Received", "Received-SPF", "Autocrypt",    "DomainKey-Signature"};
  static constexpr std::string_view kNotSuch[] = {"Content-", "X-", "DKIM-", "ARC-", "Authentication-Results"};
  return std::none_of(std::begin(kNot), std::end(kNot), [&](std::string_view n) { return text::iequals(n, name); }) &&
         std::none_of(std::begin(kNotSuch), std::end(kNotSuch),
                      [&](std::string_view n) { return text::istarts_with(name, n); });
}

bool read_words(std::string_view list, const VisitWord& visit) {
  Decoder in(list);
  while (!in.done()) {
    const std::string_view word = in.string(), positions = in.string();
    if (!in.ok() || word.empty()) return false;
    if (!visit(word, positions)) return true;
  }
  return true;
}

std::optional<std::vector<uint32_t>> decode_positions(std::string_view positions) {
  std::vector<uint32_t> out;
  Decoder in(positions);
  uint64_t position = 0;
  while (!in.done()) {
    position += in.varint();
    if (!in.ok() || position > UINT32_MAX) return {};
    out.push_back(static_cast<uint32_t>(position));
  }
  return out;
}

std::string packed(std::string_view list) {
  if (list.empty()) return {};
  if (list.size() >= kCompressFrom) {
    std::string out = Encoder().u8(kPacked).take();
    if (compress(list, out)) return out;
  }
  return Encoder().u8(kPlain).raw(list).take();
}

std::optional<std::string> unpacked(std::string_view record) {
  if (record.empty()) return {};
  const auto kind = static_cast<uint8_t>(record[0]);
  record.remove_prefix(1);
  if (kind == kPlain) return std::string(record);
  if (kind == kPacked) return decompressed(record, kMaxList);
  return {};
}

std::string same_words_as(MessageId another) { return Encoder().u8(kSameWords).varint(another).take(); }

std::optional<MessageId> words_of_another(std::string_view record) {
  Decoder in(record);
  if (in.u8() != kSameWords) return {};
  const MessageId another = in.varint();
  if (!in.ok()) return {};
  return another;
}

}  // namespace pabal::mailbox
