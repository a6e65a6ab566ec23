// The methods of the Gmail API that there are: one table for the discovery document (discovery.h) and the document of
// all APIs (operations.h). Tests compare it with the routes.
#pragma once

#include <span>
#include <string_view>

namespace pabal::gmail {

// Lists of names stand in one text with blanks between, "name!:type*": ! where it must be there, * where there may be
// several. Types are those of Google's documents: none is a string, "[string]" a list, "Message" a schema.
struct Method {
  std::string_view id;  // behind "gmail.users."
  std::string_view verb;
  std::string_view path;   // behind "gmail/v1/users/{userId}"
  std::string_view query;  // parameters
  std::string_view takes;  // schema of the body; "": none
  std::string_view gives;  // schema of the answer; "": none
  std::string_view needs;  // one of these of the token (identity/tokens.h)
  std::string_view en, ko;
  bool upload = false;   // also under /upload
  bool refused = false;  // always
};
std::span<const Method> methods();

struct Schema {
  std::string_view name, members;
};
std::span<const Schema> schemas();

}  // namespace pabal::gmail
