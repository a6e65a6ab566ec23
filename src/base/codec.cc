#include "base/codec.h"

#include <openssl/sha.h>

namespace pabal {

Encoder& Encoder::u32(uint32_t v) {
  for (int shift = 24; shift >= 0; shift -= 8) out_ += static_cast<char>(v >> shift);
  return *this;
}

Encoder& Encoder::u64(uint64_t v) {
  for (int shift = 56; shift >= 0; shift -= 8) out_ += static_cast<char>(v >> shift);
  return *this;
}

Encoder& Encoder::varint(uint64_t v) {
  for (; v >= 0x80; v >>= 7) out_ += static_cast<char>(v | 0x80);
  out_ += static_cast<char>(v);
  return *this;
}

Encoder& Encoder::string(std::string_view s) {
  varint(s.size());
  out_ += s;
  return *this;
}

uint8_t Decoder::u8() {
  if (in_.empty()) return ok_ = false, 0;
  const auto octet = static_cast<uint8_t>(in_[0]);
  in_.remove_prefix(1);
  return octet;
}

uint32_t Decoder::u32() {
  uint32_t v = 0;
  for (char c : raw(4)) v = v << 8 | static_cast<unsigned char>(c);
  return v;
}

uint64_t Decoder::u64() {
  uint64_t v = 0;
  for (char c : raw(8)) v = v << 8 | static_cast<unsigned char>(c);
  return v;
}

uint64_t Decoder::varint() {
  uint64_t v = 0;
  for (size_t at = 0; at < in_.size() && at < 10; ++at) {
    const uint64_t octet = static_cast<unsigned char>(in_[at]);
    if (at == 9 && octet > 1) break;
    v |= (octet & 0x7F) << (7 * at);
    if (octet >= 0x80) continue;
    in_.remove_prefix(at + 1);
    return v;
  }
  ok_ = false;
  in_ = {};
  return 0;
}

std::string_view Decoder::string() {
  const uint64_t size = varint();
  if (size > in_.size()) {
    ok_ = false;
    in_ = {};
    return {};
  }
  return raw(static_cast<size_t>(size));
}

std::string_view Decoder::raw(size_t size) {
  if (size > in_.size()) {
    ok_ = false;
    in_ = {};
    return {};
  }
  const std::string_view out = in_.substr(0, size);
  in_.remove_prefix(size);
  return out;
}

uint64_t hash64(std::string_view bytes) {
  uint64_t h = 0xcbf29ce484222325;
  for (unsigned char c : bytes) h = (h ^ c) * 0x100000001b3;
  h ^= h >> 32;
  h *= 0xd6e8feb86659fd93;
  return h ^ h >> 32;
}

std::string sha256(std::string_view bytes) {
  std::string out(32, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

}  // namespace pabal
