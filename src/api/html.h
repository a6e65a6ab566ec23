#pragma once

#include <string>
#include <string_view>

namespace pabal::api {

// For text and for values of attributes in quotes of either kind.
std::string html_escaped(std::string_view text);

}  // namespace pabal::api
