#include "gmail/respond.h"

#include "gmail/error.h"
#include "gmail/fields.h"

namespace pabal::gmail {
namespace {

using api::json::value;

void indent(std::string& out, size_t depth) { out.append("\n").append(depth * 2, ' '); }

// Two blanks a level, as Google prints. The depth is that of values made here.
void print(std::string& out, const value& v, size_t depth) {
  if (const auto* object = v.if_object(); object && !object->empty()) {
    out += '{';
    bool first = true;
    for (const auto& member : *object) {
      if (!std::exchange(first, false)) out += ',';
      indent(out, depth + 1);
      out += api::to_text(value(member.key())) + ": ";
      print(out, member.value(), depth + 1);
    }
    indent(out, depth);
    out += '}';
  } else if (const auto* array = v.if_array(); array && !array->empty()) {
    out += '[';
    bool first = true;
    for (const value& element : *array) {
      if (!std::exchange(first, false)) out += ',';
      indent(out, depth + 1);
      print(out, element, depth + 1);
    }
    indent(out, depth);
    out += ']';
  } else {
    out += api::to_text(v);
  }
}

}  // namespace

web::Response respond(const web::Request& request, value answer) {
  web::Response response;
  response.headers.set("Cache-Control", "private, no-store");
  if (answer.is_null()) {
    response.status = 204;
    return response;
  }
  if (const std::string* alt = request.query_value("alt"); alt && *alt != "json")
    return failure(400, "badRequest", "alt: only json is given here");
  if (const std::string* fields = request.query_value("fields")) {
    const auto mask = FieldMask::parse(*fields);
    if (!mask) return failure(mask.error());
    mask->apply(answer);
  }
  const std::string* pretty = request.query_value("prettyPrint");
  response.headers.set("Content-Type", "application/json; charset=UTF-8");
  if (pretty && *pretty == "true") {
    print(response.body, answer, 0);
    response.body += '\n';
  } else {
    response.body = api::to_text(answer);
  }
  return response;
}

}  // namespace pabal::gmail
