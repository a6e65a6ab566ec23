#include "base/codec.h"
#include "message/message.h"

namespace pabal::message {
namespace {

constexpr uint8_t kVersion = 1;

void put(Encoder& out, const Params& params) {
  out.varint(params.size());
  for (const auto& [name, value] : params) out.string(name).string(value);
}
void put(Encoder& out, const std::vector<AddressItem>& list) {
  out.varint(list.size());
  for (const AddressItem& item : list) out.u8(item.kind).string(item.display).string(item.local).string(item.domain);
}
void put(Encoder& out, const Summary& s) {
  out.string(s.date_raw).boolean(s.date.has_value());
  if (s.date) out.u64(static_cast<uint64_t>(to_micros(*s.date)));
  out.string(s.subject);
  for (const auto* list : {&s.from, &s.sender, &s.reply_to, &s.to, &s.cc, &s.bcc}) put(out, *list);
  out.string(s.in_reply_to).string(s.message_id).varint(s.references.size());
  for (const std::string& id : s.references) out.string(id);
}
void put(Encoder& out, const Part& p) {
  out.varint(p.header_offset).varint(p.header_size).varint(p.body_offset).varint(p.body_size).varint(p.body_lines);
  out.string(p.type).string(p.subtype);
  put(out, p.params);
  out.string(p.id).string(p.description).string(p.encoding).string(p.md5).string(p.disposition);
  put(out, p.disposition_params);
  out.varint(p.languages.size());
  for (const std::string& language : p.languages) out.string(language);
  out.string(p.location).boolean(p.summary != nullptr);
  if (p.summary) put(out, *p.summary);
  out.varint(p.children.size());
  for (const Part& child : p.children) put(out, child);
}

// Reads what put() wrote; `good` turns false for counts no parse makes.
struct Reader {
  Decoder in;
  bool good = true;
  size_t parts = 0;

  size_t count(size_t limit) {
    const uint64_t n = in.varint();
    if (n > limit || !in.ok()) good = false;
    return good ? static_cast<size_t>(n) : 0;
  }
  std::string string() { return std::string(in.string()); }
  Params params() {
    Params out(count(kMaxParams));
    for (auto& [name, value] : out) {
      name = string();
      value = string();
    }
    return out;
  }
  std::vector<AddressItem> addresses() {
    const size_t n = count(2 * kMaxAddresses);
    std::vector<AddressItem> out;
    for (size_t i = 0; i < n && in.ok(); ++i) {
      AddressItem item;
      const uint8_t kind = in.u8();
      if (kind > AddressItem::kGroupEnd) good = false;
      item.kind = static_cast<AddressItem::Kind>(kind);
      item.display = string();
      item.local = string();
      item.domain = string();
      out.push_back(std::move(item));
    }
    return out;
  }
  Summary summary() {
    Summary s;
    s.date_raw = string();
    if (in.boolean()) s.date = from_micros(static_cast<int64_t>(in.u64()));
    s.subject = string();
    for (auto* list : {&s.from, &s.sender, &s.reply_to, &s.to, &s.cc, &s.bcc}) *list = addresses();
    s.in_reply_to = string();
    s.message_id = string();
    s.references.resize(count(kMaxReferences));
    for (std::string& id : s.references) id = string();
    return s;
  }
  Part part(size_t depth) {
    Part p;
    if (depth > kMaxDepth + 1 || ++parts > kMaxParts + 1) {
      good = false;
      return p;
    }
    for (uint32_t* n : {&p.header_offset, &p.header_size, &p.body_offset, &p.body_size, &p.body_lines})
      *n = static_cast<uint32_t>(in.varint());
    p.type = string();
    p.subtype = string();
    p.params = params();
    for (std::string* s : {&p.id, &p.description, &p.encoding, &p.md5, &p.disposition}) *s = string();
    p.disposition_params = params();
    p.languages.resize(count(kMaxLanguages));
    for (std::string& language : p.languages) language = string();
    p.location = string();
    if (in.boolean()) p.summary = std::make_shared<Summary>(summary());
    const size_t children = count(kMaxParts);
    for (size_t i = 0; i < children && good && in.ok(); ++i) p.children.push_back(part(depth + 1));
    return p;
  }
};

}  // namespace

std::string encode(const Message& m) {
  Encoder out;
  out.u8(kVersion).u8(static_cast<uint8_t>(m.truncated | m.has_8bit << 1 | m.has_nul << 2 | m.bare_lf << 3 |
                                           m.bare_cr << 4 | m.utf8_headers << 5));
  put(out, m.summary);
  put(out, m.root);
  return out.take();
}

std::optional<Message> decode(std::string_view record) {
  Reader reader{Decoder(record)};
  if (reader.in.u8() != kVersion) return {};
  Message m;
  const uint8_t bits = reader.in.u8();
  m.truncated = bits & 1;
  m.has_8bit = bits & 2;
  m.has_nul = bits & 4;
  m.bare_lf = bits & 8;
  m.bare_cr = bits & 16;
  m.utf8_headers = bits & 32;
  m.summary = reader.summary();
  m.root = reader.part(0);
  if (!reader.good || !reader.in.ok() || !reader.in.done()) return {};
  return m;
}

std::optional<Summary> decode_summary(std::string_view record) {
  Reader reader{Decoder(record)};
  if (reader.in.u8() != kVersion) return {};
  reader.in.u8();
  Summary summary = reader.summary();
  if (!reader.good || !reader.in.ok()) return {};
  return summary;
}

}  // namespace pabal::message
