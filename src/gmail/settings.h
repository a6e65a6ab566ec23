// users.settings: faces of the account's mail settings (sieve/settings.h). A body is the whole resource, or of PATCH
// parts of it; a member that it cannot have is refused, as what cannot be done here is: nothing is dropped in silence.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include "gmail/call.h"
#include "sieve/settings.h"

namespace pabal::gmail {

// Reads the settings, edits them and writes them, anew when somebody else did meanwhile. `edit` runs on the pool,
// before the transaction.
using Edit = std::function<Result<void>(sieve::Settings& settings, const store::Reader& r)>;
Task<Result<sieve::Settings>> edit_settings(CallPtr call, Edit edit);

// kInvalid: the value is no object, or has a member that is not among `names`.
Result<void> only_members(const api::json::value& body, std::initializer_list<std::string_view> names);
// A member of that type; absent, or null: the usual one. kInvalid.
Result<bool> bool_of(const api::json::value& body, std::string_view name, bool usual = false);
Result<std::string> string_of(const api::json::value& body, std::string_view name, std::string usual = {});
// Of 64 bits: a string, or a number.
Result<std::optional<int64_t>> number_of(const api::json::value& body, std::string_view name);

void add_settings(web::Router& router, Services& services);    // vacation, IMAP, POP, language
void add_filters(web::Router& router, Services& services);     // filters
void add_forwarding(web::Router& router, Services& services);  // auto-forwarding, its addresses, the page that confirms
void add_senders(web::Router& router, Services& services);     // sendAs, delegates, S/MIME and client-side encryption

}  // namespace pabal::gmail
