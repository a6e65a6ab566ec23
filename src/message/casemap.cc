#include "message/casemap.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include "base/text.h"
#include "message/words.h"

namespace pabal::message {

std::string casemap(std::string_view utf8) {
  if (text::is_ascii(utf8)) return text::uppered(utf8);
  std::string titled;
  titled.reserve(utf8.size());
  for (int32_t at = 0; at < static_cast<int32_t>(utf8.size());) {
    UChar32 c = 0;
    U8_NEXT_OR_FFFD(utf8.data(), at, static_cast<int32_t>(utf8.size()), c);
    c = u_totitle(c);
    char octets[4];
    int32_t size = 0;
    U8_APPEND_UNSAFE(octets, size, c);
    titled.append(octets, static_cast<size_t>(size));
  }
  UErrorCode error = U_ZERO_ERROR;
  static const icu::Normalizer2* const kDecompose = icu::Normalizer2::getNFKDInstance(error);
  std::string out;
  icu::StringByteSink<std::string> sink(&out);
  if (kDecompose)
    kDecompose->normalizeUTF8(0, {titled.data(), static_cast<int32_t>(titled.size())}, sink, nullptr, error);
  return kDecompose && U_SUCCESS(error) ? out : titled;
}

std::string composed(std::string_view utf8) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* const compose = icu::Normalizer2::getNFCInstance(error);
  std::string out;
  icu::StringByteSink<std::string> sink(&out);
  if (compose && !text::is_ascii(utf8))
    compose->normalizeUTF8(0, {utf8.data(), static_cast<int32_t>(utf8.size())}, sink, nullptr, error);
  return out.empty() || U_FAILURE(error) ? std::string(utf8) : out;
}

Needle::Needle(std::string_view utf8) : mapped_(casemap(utf8)), ascii_(text::is_ascii(mapped_)) {}

// Most text is ASCII, where nothing need be made.
bool Needle::in(std::string_view utf8) const {
  if (ascii_ && text::icontains(utf8, mapped_)) return true;
  return !text::is_ascii(utf8) && casemap(utf8).find(mapped_) != std::string::npos;
}

}  // namespace pabal::message
