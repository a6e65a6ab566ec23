// room: oauth
// What clients and browsers say to the authorisation server: redirect URIs that pass cannot widen a policy or a
// redirect, paths that pass stay here, and forms, Basic fields, codes and refresh tokens of any octets never crash.
#include <string>

#include "api/html.h"
#include "base/check.h"
#include "oauth/book.h"
#include "oauth/form.h"
#include "oauth/provider.h"
#include "oauth/redirect.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pabal;
  const std::string input(reinterpret_cast<const char*>(data), size);
  if (oauth::check_redirect(input)) {
    PABAL_CHECK(oauth::same_redirect(input, input));
    PABAL_CHECK(oauth::csp_source(input).find_first_of(" ;,'\"*\r\n") == std::string::npos);
    const std::string sent = oauth::with_parameters(input, {{"state", input}});
    PABAL_CHECK(sent.starts_with(input) && sent.find_first_of(" #\r\n") == std::string::npos);
  }
  if (oauth::is_local_path(input))
    PABAL_CHECK(input.starts_with('/') && input.find_first_of("\\\t\r\n ") == input.npos);
  PABAL_CHECK(api::html_escaped(input).find_first_of("<>\"'") == std::string::npos);
  if (const auto basic = oauth::parse_basic(input)) PABAL_CHECK(!basic->first.empty());
  if (const auto name = oauth::Book::parse_refresh(input)) PABAL_CHECK(name->family.size() == 16);
  const std::string code = oauth::Book::normal_user_code(input);
  PABAL_CHECK(code.empty() || code.size() == 8);
  web::Request request;
  request.body = input;
  request.headers.add("Content-Type", "application/x-www-form-urlencoded");
  if (const auto form = oauth::Form::read(request)) {
    for (const auto& [name, value] : form->pairs()) oauth::scope_list(value);
    const std::string again = oauth::asked_again(*form);
    PABAL_CHECK(again.starts_with("/oauth/authorize") && again.find_first_of(" \r\n") == again.npos);
  }
  return 0;
}
