// Names and passwords that are not ASCII, in the one form they are compared in.
#pragma once

#include <string>
#include <string_view>

namespace pabal::identity {

// A local part as it is compared: lower case, NFC (RFC 6532 §3.1). ASCII is quick; broken UTF-8 is lowered as ASCII.
std::string fold_local(std::string_view local);

// A password as it is hashed, a login name as it is looked up: SASLprep (RFC 4013), so that the same keys typed on two
// systems are the same octets. What it forbids is taken as it is: clients do so, too, and a password that works nowhere
// helps nobody.
std::string sasl_prepared(std::string_view typed);

}  // namespace pabal::identity
