// The page at /api: all calls by what they are of, each with its parameters and a line of curl. No script.
#include <map>

#include "api/document.h"
#include "api/html.h"
#include "base/text.h"

namespace pabal::api {
namespace {

std::string code(std::string_view text) { return "<code>" + html_escaped(text) + "</code>"; }

class Page {
 public:
  Page(const Described& described, const DocumentOptions& options, bool korean)
      : described_(described), options_(options), korean_(korean) {}

  std::string all(const std::vector<Operation>& operations) const {
    std::vector<std::string> tags;  // in the order of the routes
    std::map<std::string, std::string> sections;
    for (const Operation& one : operations) {
      std::string& section = sections[one.tag];
      if (section.empty()) tags.push_back(one.tag);
      section += call(one);
    }
    std::string out = head() + "<nav aria-label=\"" + say("Parts", "목차") + "\">\n";
    const auto link = [&](const std::string& id, const std::string& name) {
      out += "<a href=\"#" + html_escaped(id) + "\">" + html_escaped(name) + "</a>\n";
    };
    for (const std::string& tag : tags) link(id_of(tag), tag);
    link("objects", say("Objects", "객체"));
    out += "</nav>\n";
    for (const std::string& tag : tags)
      out += "<section id=\"" + html_escaped(id_of(tag)) + "\">\n<h2>" + html_escaped(tag) + "</h2>\n" + sections[tag] +
             "</section>\n";
    out += "<section id=\"objects\">\n<h2>" + std::string(say("Objects", "객체")) + "</h2>\n";
    for (const Schema& schema : described_.schemas)
      out += "<details id=\"" + html_escaped(schema.name) + "\">\n<summary>" + code(schema.name) +
             "</summary>\n<dl>\n" + rows(schema.fields) + "</dl>\n</details>\n";
    return out + "</section>\n</main>\n</body>\n</html>\n";
  }

 private:
  const char* say(const char* en, const char* ko) const { return korean_ ? ko : en; }
  static std::string id_of(std::string_view tag) {
    std::string out = "part-";
    for (const char c : tag) out += text::is_alnum(c) ? text::lower(c) : '-';
    return out;
  }

  std::string head() const {
    const std::string title = "API " + html_escaped(options_.hostname);
    return std::string("<!doctype html>\n<html lang=\"") + say("en", "ko") +
           "\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, "
           "initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>" +
           title + "</title>\n<link rel=\"stylesheet\" href=\"/api/style.css\">\n</head>\n<body>\n<main>\n<h1>" +
           title + "</h1>\n<p>" +
           say("What programs can ask of this server. For machines it is in "
               "<a href=\"/api/openapi.json\">openapi.json</a> (OpenAPI 3.1). A token goes into the header field "
               "<code>Authorization: Bearer</code>.",
               "프로그램이 이 서버에 요청할 수 있는 것들입니다. 기계가 읽는 문서는 "
               "<a href=\"/api/openapi.json\">openapi.json</a>(OpenAPI 3.1)입니다. 토큰은 "
               "<code>Authorization: Bearer</code> 헤더로 보냅니다.") +
           "</p>\n";
  }

  std::string type_of(const Field& field) const {
    const bool is_object = !field.type.empty() && field.type[0] >= 'A' && field.type[0] <= 'Z';
    const std::string name = html_escaped(field.type) + (field.several ? "[]" : "");
    return is_object ? "<a href=\"#" + html_escaped(field.type) + "\">" + name + "</a>" : name;
  }

  std::string rows(std::string_view names) const {
    std::string out;
    for (const Field& field : fields_of(names)) {
      out += "<dt>" + code(field.name) + "</dt>\n<dd>" + type_of(field);
      if (field.needed) out += std::string(", <strong>") + say("needed", "필수") + "</strong>";
      for (const Parameter& known : described_.parameters) {
        if (known.name != field.name) continue;
        out += ". " + html_escaped(korean_ ? known.ko : known.en);
        if (!known.values.empty()) out += ": " + code(known.values);
      }
      out += "</dd>\n";
    }
    return out;
  }

  std::string call(const Operation& one) const {
    std::string out = "<details>\n<summary><code><span class=\"method\">" + html_escaped(one.method) +
                      "</span> <span>" + html_escaped(one.path) + "</span></code><span class=\"what\">" +
                      html_escaped(korean_ ? one.ko : one.en) + "</span></summary>\n<dl>\n";
    const auto scopes = scopes_for(one.needs);
    if (!scopes.empty()) {
      out += std::string("<dt>") + say("Scope, one of", "권한, 하나 이상") + "</dt>\n<dd>";
      for (const std::string_view scope : scopes) out += code(scope) + " ";
      out += "</dd>\n";
    }
    out += rows(one.query) + rows(one.form);
    const auto body = [&](const char* name, const std::string& what) {
      if (!what.empty()) out += std::string("<dt>") + name + "</dt>\n<dd>" + what + "</dd>\n";
    };
    const auto schema = [&](std::string_view name) {
      return name.empty() ? std::string() : type_of({"", fields_of(name).front().name});
    };
    body(say("Body", "본문"), one.body.empty() ? schema(one.takes) : code(one.body));
    body(say("Answer", "응답"), one.answer.empty() ? schema(one.gives) : one.answer == "none" ? "" : code(one.answer));
    return out + "</dl>\n<pre tabindex=\"0\"><code>" + html_escaped(curl(one)) + "</code></pre>\n</details>\n";
  }

  static std::string curl(const Operation& one) {
    std::string out = "curl", path = one.path;
    if (one.method != "GET" && one.form.empty() && (one.method != "POST" || (one.takes.empty() && one.body.empty())))
      out += " -X " + one.method;
    if (!one.needs.empty()) out += " -H \"Authorization: Bearer $TOKEN\"";
    for (const Field& field : fields_of(one.form))
      if (field.needed) out += " -d " + field.name + "=" + text::uppered(field.name);
    if (!one.takes.empty()) out += " -H 'Content-Type: application/json' -d '{}'";
    if (!one.body.empty()) out += " -H 'Content-Type: " + one.body + "' --data-binary @FILE";
    if (const size_t me = path.find("{userId}"); me != path.npos) path.replace(me, 8, "me");
    char mark = '?';
    for (const Field& field : fields_of(one.query))
      if (field.needed) {
        path += mark + field.name + "=" + text::uppered(field.name);
        mark = '&';
      }
    return out + " \"$MAIL" + path + "\"";
  }

  const Described& described_;
  const DocumentOptions& options_;
  const bool korean_;
};

}  // namespace

const std::string_view kDocumentStyle = R"(:root {
  color-scheme: light dark;
  --ink: #1d2430; --soft: #5a6472; --paper: #fbfaf7; --line: #d9d5cc; --deep: #1f5f8b; --well: #f1eee7;
}
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e6e1; --soft: #a3abb8; --paper: #15181d; --line: #343a44; --deep: #7db8e0; --well: #1e232b }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.6 system-ui, sans-serif }
main { max-width: 56rem; margin: 0 auto; padding: 2rem 1.25rem 4rem }
h1 { font-size: 1.5rem; line-height: 1.3; margin: 0 0 .5rem; overflow-wrap: anywhere }
h2 { font-size: 1.125rem; margin: 2.5rem 0 .5rem }
p { margin: 0 0 1rem; word-break: keep-all; overflow-wrap: anywhere }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem }
a { color: var(--deep) }
nav a, summary { padding: .5rem 0 }
details { border-top: 1px solid var(--line) }
summary { cursor: pointer; list-style-position: outside; margin-left: 1.25rem }
summary:hover .what { color: var(--ink) }
.what { display: block; color: var(--soft); font-size: .9375rem; word-break: keep-all }
code { font: .9375em/1.5 ui-monospace, monospace; overflow-wrap: anywhere }
.method { display: inline-block; min-width: 4.25rem; font-weight: 700; color: var(--deep) }
dl { display: grid; grid-template-columns: minmax(8rem, auto) 1fr; gap: .25rem 1rem; margin: 0 0 0 1.25rem;
  font-size: .9375rem }
dd { margin: 0; overflow-wrap: anywhere; word-break: keep-all }
pre { background: var(--well); border-radius: .375rem; margin: .75rem 0 1rem 1.25rem; padding: .625rem .75rem;
  overflow-x: auto; font-size: .875rem }
:focus-visible { outline: 3px solid var(--deep); outline-offset: 2px }
@media (max-width: 34rem) {
  dl { grid-template-columns: 1fr; gap: 0 }
  dd { margin-bottom: .375rem }
  .method { display: block }
}
)";

std::string document_page(const std::vector<Operation>& operations, const Described& described,
                          const DocumentOptions& options, bool korean) {
  return Page(described, options, korean).all(operations);
}

}  // namespace pabal::api
