#include "web/site.h"

#include "base/text.h"

namespace pabal::web {
namespace {

struct Words {
  const char *language, *title, *lead, *sign_in, *programs, *host;
};
constexpr Words kEnglish{"en",
                         "Mail server",
                         "This machine sends, receives and keeps mail with Pabal.",
                         "Sign in to the web mail",
                         "Or set your mail program to this server's name:",
                         "Server"};
constexpr Words kKorean{"ko",
                        "메일 서버",
                        "이 서버는 파발(Pabal)로 메일을 주고받고 보관합니다.",
                        "웹 메일에 로그인",
                        "메일 프로그램을 쓰려면 다음 서버 이름을 넣으세요:",
                        "서버"};

std::string rows(const std::vector<Door>& doors) {
  std::string out;
  for (const Door& door : doors)
    out += "<tr><th scope=\"row\">" + door.protocol + "</th><td>" + std::to_string(door.port) +
           (door.implicit_tls ? ", TLS" : ", STARTTLS") + "</td></tr>\n";
  return out;
}

std::string page(const Words& words, const std::string& hostname, const std::vector<Door>& doors) {
  return std::string("<!doctype html>\n<html lang=\"") + words.language +
         "\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=\"color-scheme\" content=\"light dark\">\n<title>" +
         words.title + " " + hostname +
         "</title>\n<style>\n"
         ":root { color-scheme: light dark; --ink: #1d2430; --soft: #5a6472; --paper: #fbfaf7; --line: #d9d5cc;\n"
         "  --deep: #1f5f8b; --on-deep: #fff }\n"
         "@media (prefers-color-scheme: dark) {\n"
         "  :root { --ink: #e8e6e1; --soft: #a3abb8; --paper: #15181d; --line: #343a44;\n"
         "  --deep: #7db8e0; --on-deep: #10202c }\n}\n"
         "body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--paper);\n"
         "  color: var(--ink); font: 1.0625rem/1.6 system-ui, sans-serif }\n"
         "main { max-width: 34rem; padding: 2rem 1.5rem }\n"
         "h1 { font-size: 1.5rem; line-height: 1.3; margin: 0 0 1rem; overflow-wrap: anywhere }\n"
         "p { margin: 0 0 1rem; word-break: keep-all }\n"
         "a { display: inline-block; margin: .25rem 0 .75rem; padding: .625rem 1.25rem; border-radius: .5rem;\n"
         "  background: var(--deep); color: var(--on-deep); font-weight: 600; text-decoration: none }\n"
         "a:focus-visible { outline: 3px solid var(--deep); outline-offset: 3px }\n"
         "table { width: 100%; border-collapse: collapse; font-size: .9375rem }\n"
         "th, td { text-align: left; padding: .5rem 0; border-top: 1px solid var(--line); overflow-wrap: anywhere }\n"
         "th { color: var(--soft); font-weight: normal; padding-right: 1rem; white-space: nowrap }\n"
         "</style>\n</head>\n<body>\n<main>\n<h1>" +
         words.title + "</h1>\n<p>" + words.lead + "</p>\n<p><a href=\"/login?next=/\">" + words.sign_in +
         "</a></p>\n<p>" + words.programs + "</p>\n<table>\n<tr><th scope=\"row\">" + words.host + "</th><td>" +
         hostname + "</td></tr>\n" + rows(doors) + "</table>\n</main>\n</body>\n</html>\n";
}

Task<Response> given(Response instead) { co_return instead; }

Task<Response> home(std::string text, bool korean) {
  Response response = with_etag(with_body("text/html; charset=utf-8", std::move(text)));
  response.compress = true;
  response.headers.set("Cache-Control", "no-cache");
  response.headers.set("Vary", "Accept-Language, Cookie");
  response.headers.set("Content-Language", korean ? "ko" : "en");
  response.headers.set("Content-Security-Policy",
                       "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
                       "frame-ancestors 'none'");
  co_return response;
}

Task<Response> healthy() { co_return with_body("text/plain; charset=utf-8", "ok\n"); }

// Three digits behind the point at most; what is no weight counts nothing.
double weight_of(std::string_view parameters) {
  const size_t at = parameters.find("q=");
  if (at == parameters.npos) return 1;
  const std::string_view digits = text::trim(parameters.substr(at + 2));
  double weight = 0, unit = 1;
  for (size_t i = 0; i < digits.size() && i < 5; ++i) {
    if (i == 1) continue;  // the point
    if (!text::is_digit(digits[i])) return 0;
    weight += (digits[i] - '0') * unit;
    unit /= 10;
  }
  return weight;
}

}  // namespace

bool prefers_korean(std::string_view accept_language) {
  double korean = 0, english = 0;
  for (const std::string_view part : text::split(accept_language, ',')) {
    const size_t semicolon = part.find(';');
    const std::string_view range = text::trim(part.substr(0, semicolon));
    const double weight = semicolon == part.npos ? 1 : weight_of(part.substr(semicolon + 1));
    const std::string_view language = range.substr(0, range.find('-'));
    if (text::iequals(language, "ko")) korean = std::max(korean, weight);
    if (text::iequals(language, "en")) english = std::max(english, weight);
  }
  return korean > english;
}

void add_site(Router& router, std::string hostname, std::vector<Door> doors, Home instead) {
  router.add("GET", "/healthz", [](Request) { return healthy(); });
  router.add("GET", "/", [hostname, doors = std::move(doors), instead = std::move(instead)](Request request) {
    if (auto made = instead(request)) return given(std::move(*made));
    const bool korean = prefers_korean(request.headers.joined("Accept-Language"));
    return home(page(korean ? kKorean : kEnglish, hostname, doors), korean);
  });
}

}  // namespace pabal::web
