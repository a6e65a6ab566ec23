// How records and keys are written in the store. Keys: big-endian numbers, so that byte order is number order.
// Records: a version byte, then varints and length-prefixed strings; a reader never reads past the end and never
// throws.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pabal {

// Appends to a key or record. Chainable: Encoder().u8('A').u32(account).take()
class Encoder {
 public:
  Encoder& u8(uint8_t v) {
    out_ += static_cast<char>(v);
    return *this;
  }
  Encoder& u32(uint32_t v);             // big-endian, 4 octets
  Encoder& u64(uint64_t v);             // big-endian, 8 octets
  Encoder& varint(uint64_t v);          // LEB128, 1 to 10 octets
  Encoder& string(std::string_view s);  // varint length, then the octets
  Encoder& raw(std::string_view s) {
    out_ += s;
    return *this;
  }
  Encoder& boolean(bool v) { return u8(v ? 1 : 0); }

  const std::string& view() const { return out_; }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

// Reads what Encoder wrote. After any failed read ok() is false and every later read gives zero or empty.
// Returned views point into the input.
class Decoder {
 public:
  explicit Decoder(std::string_view in) : in_(in) {}
  uint8_t u8();
  uint32_t u32();
  uint64_t u64();
  uint64_t varint();
  std::string_view string();
  std::string_view raw(size_t size);
  bool boolean() { return u8() != 0; }

  bool ok() const { return ok_; }
  bool done() const { return in_.empty(); }
  std::string_view rest() const { return in_; }

 private:
  std::string_view in_;
  bool ok_ = true;
};

// 64-bit FNV-1a with a final mix: for keys inside one account, not against an adversary.
uint64_t hash64(std::string_view bytes);

// SHA-256, 32 raw octets.
std::string sha256(std::string_view bytes);

}  // namespace pabal
