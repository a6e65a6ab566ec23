// Logos as BIMI has them: SVG Tiny Portable/Secure (draft-svg-tiny-ps-abrotman), a picture that can do nothing.
#pragma once

#include <string_view>

#include "base/result.h"

namespace pabal::web {

constexpr size_t kMaxLogo = 64 << 10;  // octets; the draft asks for 32 KiB at most

// Good: well-formed, of the profile, with a title; only shapes, text and colours; no script, event, style sheet,
// animation, image, foreign content, nor anything that would be fetched. kInvalid and kLimit say what is wrong.
Result<void> check_logo(std::string_view svg);

}  // namespace pabal::web
