// The document of the APIs: OpenAPI 3.1 at /api/openapi.json, and a page for people at /api. Methods and paths come
// from the router itself, so they are the ones that are served; what they are for comes from the rooms that serve them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "web/router.h"

namespace pabal::api {

// Lists of names stand in one string, with blanks between: "client_id! labelIds* maxResults:integer". Behind a name may
// come ! (it must be there), a type (string where none is named; integer, number, boolean, int64 for a whole number as
// a string, date-time, octets for base64url, object, or the name of a Schema), and * (several of it).
using Names = std::string;

// What one route is for.
struct Operation {
  std::string method, path;  // as given to the router
  std::string tag;           // "OAuth"
  std::string en, ko;        // one line
  Names needs{};  // a token that covers one of these (identity/tokens.h) lets in, of * any; none: no token is asked for
  Names query{};
  Names form{};          // fields of a form; or
  std::string takes{};   // the schema of a JSON body, with ! as above; or
  std::string body{};    // the media type of another body
  std::string gives{};   // the schema of the answer
  std::string answer{};  // its media type where it is not JSON; "none": it has no body; "websocket"
  bool refuses = false;  // there for clients that ask; it is always refused
  bool redirects = false;
};

struct Schema {
  std::string name;
  Names fields;
};

// What a parameter means, wherever it stands.
struct Parameter {
  std::string name, en, ko;
  Names values{};  // one of these
};

struct Described {
  std::vector<Operation> operations;
  std::vector<Schema> schemas;
  std::vector<Parameter> parameters;
  void add(Described more);
};

struct DocumentOptions {
  std::string origin;  // "https://mail.example.com"
  std::string hostname;
  std::string version;
};

// Whether a route is of an API, and so in the document.
bool is_api_route(const web::Router::Listed& route);
// Every route of an API: what is said of it, or else its method and path alone.
std::vector<Operation> operations_of(const std::vector<web::Router::Listed>& routes, const Described& described);
// The token scopes (identity/tokens.h) that cover one of these needs.
std::vector<std::string_view> scopes_for(const Names& needs);

// One name of Names.
struct Field {
  std::string name, type = "string";
  bool needed = false, several = false;
};
std::vector<Field> fields_of(std::string_view names);

// The document as JSON text, and the page.
std::string openapi(const std::vector<Operation>& operations, const Described& described,
                    const DocumentOptions& options);
std::string document_page(const std::vector<Operation>& operations, const Described& described,
                          const DocumentOptions& options, bool korean);
extern const std::string_view kDocumentStyle;

// Serves them. Added last: they tell of the routes that there are then.
void add_document(web::Router& router, const DocumentOptions& options, const Described& described);

}  // namespace pabal::api
