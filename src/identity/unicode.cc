#include "identity/unicode.h"

#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/unistr.h>
#include <unicode/usprep.h>

#include <memory>
#include <vector>

#include "base/text.h"

namespace pabal::identity {

std::string fold_local(std::string_view local) {
  if (text::is_ascii(local) || !text::is_utf8(local)) return text::lowered(local);
  UErrorCode failure = U_ZERO_ERROR;
  const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(failure);
  icu::UnicodeString folded = icu::UnicodeString::fromUTF8({local.data(), static_cast<int32_t>(local.size())});
  folded.toLower(icu::Locale::getRoot());
  folded = nfc->normalize(folded, failure);
  if (U_FAILURE(failure)) return text::lowered(local);
  std::string out;
  return folded.toUTF8String(out);
}

std::string sasl_prepared(std::string_view typed) {
  if (text::is_ascii(typed) || !text::is_utf8(typed)) return std::string(typed);
  UErrorCode failure = U_ZERO_ERROR;
  const std::unique_ptr<UStringPrepProfile, decltype(&usprep_close)> profile(
      usprep_openByType(USPREP_RFC4013_SASLPREP, &failure), usprep_close);
  const icu::UnicodeString given = icu::UnicodeString::fromUTF8({typed.data(), static_cast<int32_t>(typed.size())});
  std::vector<UChar> made(static_cast<size_t>(given.length()) * 18 + 1);  // NFKC makes of one letter 18 at most
  const int32_t size = U_FAILURE(failure) ? 0
                                          : usprep_prepare(profile.get(), given.getBuffer(), given.length(),
                                                           made.data(), static_cast<int32_t>(made.size()),
                                                           USPREP_ALLOW_UNASSIGNED, nullptr, &failure);
  if (U_FAILURE(failure) || size == 0) return std::string(typed);
  std::string out;
  return icu::UnicodeString(made.data(), size).toUTF8String(out);
}

}  // namespace pabal::identity
