#include "oauth/pages.h"

#include <algorithm>

#include "api/html.h"
#include "base/text.h"
#include "identity/tokens.h"
#include "web/site.h"

namespace pabal::oauth {
namespace {

// A text in both languages.
struct Words {
  std::string_view en, ko;
  std::string_view in(const View& view) const { return view.korean ? ko : en; }
};

// "{}" replaced by a value, which is escaped already.
std::string filled(std::string_view pattern, std::string_view value) {
  const size_t at = pattern.find("{}");
  if (at == pattern.npos) return std::string(pattern);
  return std::string(pattern.substr(0, at)) + std::string(value) + std::string(pattern.substr(at + 2));
}

constexpr std::string_view kStyle =
    R"(:root { color-scheme: light dark; --ink: #1d2430; --soft: #5a6472; --paper: #f4f2ed;
  --card: #fff; --line: #d9d5cc; --deep: #1f5f8b; --on-deep: #fff; --bad: #a3262a; --focus: #1f5f8b }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e6e1; --soft: #a3abb8; --paper: #15181d; --card: #1d2127; --line: #3a414c; --deep: #7db8e0;
    --on-deep: #10202c; --bad: #ff9a94; --focus: #7db8e0 }
}
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--paper); color: var(--ink);
  font: 1rem/1.6 system-ui, sans-serif; padding: 1rem }
main { width: 100%; max-width: 26rem; background: var(--card); border: 1px solid var(--line); border-radius: .75rem;
  padding: 1.75rem 1.5rem }
h1 { font-size: 1.375rem; line-height: 1.35; margin: 0 0 .75rem; overflow-wrap: anywhere; word-break: keep-all }
p { margin: 0 0 1rem; overflow-wrap: anywhere; word-break: keep-all }
ul { margin: 0 0 1.25rem; padding: 0; list-style: none; border-top: 1px solid var(--line) }
li { padding: .625rem 0; border-bottom: 1px solid var(--line); word-break: keep-all }
label { display: block; font-size: .875rem; color: var(--soft); margin: 0 0 .25rem }
input { width: 100%; font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line);
  border-radius: .5rem; padding: .625rem .75rem; margin: 0 0 1rem; min-height: 2.75rem }
input.code { font-size: 1.5rem; letter-spacing: .15em; text-align: center; text-transform: uppercase }
.row { display: flex; flex-wrap: wrap; gap: .75rem }
button { flex: 1 1 8rem; font: inherit; font-weight: 600; min-height: 2.75rem; padding: .5rem 1rem; border-radius: .5rem;
  border: 1px solid var(--deep); background: var(--deep); color: var(--on-deep); cursor: pointer }
button.second { background: transparent; color: var(--ink); border-color: var(--line) }
a { color: var(--deep) }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px }
.bad { color: var(--bad); font-weight: 600 }
.soft { color: var(--soft); font-size: .875rem }
.compare { font-size: 1.75rem; letter-spacing: .15em; text-align: center; font-weight: 600 }
)";

web::Response framed(const View& view, int status, std::string_view title, const std::string& body,
                     const std::string& csp_source) {
  std::string html = "<!doctype html>\n<html lang=\"";
  html += view.korean ? "ko" : "en";
  html +=
      "\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, "
      "initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex\">\n<title>";
  html += api::html_escaped(title) +
          "</title>\n<link rel=\"stylesheet\" href=\"/oauth/style.css\">\n</head>\n<body>\n<main>\n";
  html += "<h1>" + api::html_escaped(title) + "</h1>\n" + body;
  html += "<p class=\"soft\">" + api::html_escaped(view.hostname) + "</p>\n</main>\n</body>\n</html>\n";
  web::Response out = web::with_body("text/html; charset=utf-8", std::move(html), status);
  out.headers.set("Content-Language", view.korean ? "ko" : "en");
  out.headers.set("Vary", "Accept-Language, Cookie");
  out.headers.set("Cache-Control", "no-store");
  out.headers.set("X-Frame-Options", "DENY");
  // Not no-referrer: forms would then say Origin: null, and we could not tell that they are ours.
  out.headers.set("Referrer-Policy", "same-origin");
  out.headers.set("Content-Security-Policy",
                  "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'" +
                      (csp_source.empty() ? "" : " " + csp_source));
  return out;
}

std::string trouble_line(std::string_view text) {
  return text.empty() ? "" : "<p class=\"bad\" role=\"alert\">" + std::string(text) + "</p>\n";
}
std::string hidden(std::string_view name, std::string_view value) {
  return "<input type=\"hidden\" name=\"" + std::string(name) + "\" value=\"" + api::html_escaped(value) + "\">\n";
}

}  // namespace

View view_of(const web::Request& request, std::string hostname) {
  return {web::prefers_korean(request.headers.joined("Accept-Language")), std::move(hostname)};
}

std::vector<std::string> described(const std::vector<std::string>& scopes, bool korean) {
  using namespace identity;
  struct Line {
    std::vector<std::string_view> needs;  // any of them
    Words words;
  };
  const Line lines[] = {
      {{kOpenId, kEmail, kProfile}, {"See who you are: your name and address", "이름과 메일 주소 보기"}},
      {{kMailRead}, {"Read your mail", "메일 읽기"}},
      {{kMailMetadata}, {"See senders, subjects and labels of your mail", "메일의 보낸 사람, 제목, 라벨 보기"}},
      {{kMailModify},
       {"Mark, label and move your mail, also to the trash", "메일 표시와 라벨을 바꾸고 휴지통으로 옮기기"}},
      {{kMailDelete}, {"Delete your mail for good", "메일을 완전히 지우기"}},
      {{kMailInsert}, {"Put messages into your mailbox", "메일함에 메시지 넣기"}},
      {{kMailLabels}, {"Make, change and remove labels", "라벨 만들기, 바꾸기, 지우기"}},
      {{kMailDrafts}, {"Read and write drafts", "임시 보관 메일을 읽고 쓰기"}},
      {{kMailSend}, {"Send mail in your name", "내 이름으로 메일 보내기"}},
      {{kMailSettings}, {"Change your settings and filters", "설정과 필터 바꾸기"}},
      {{kMailSharing}, {"Change who else gets or sees your mail", "메일 전달과 공유 바꾸기"}},
  };
  std::vector<std::string> out;
  bool reads = false;
  for (const Line& line : lines) {
    const bool asked = std::any_of(scopes.begin(), scopes.end(), [&](const std::string& scope) {
      return std::any_of(line.needs.begin(), line.needs.end(),
                         [&](std::string_view need) { return covers(scope, need); });
    });
    if (!asked || (reads && line.needs.front() == kMailMetadata)) continue;
    reads = reads || line.needs.front() == kMailRead;
    out.emplace_back(korean ? line.words.ko : line.words.en);
  }
  return out;
}

web::Response page(const View& view, const LoginPage& login) {
  const auto say = [&](std::string_view en, std::string_view ko) { return std::string(view.korean ? ko : en); };
  std::string body;
  if (!login.client.empty())
    body += "<p>" +
            filled(say("to go on to <strong>{}</strong>", "<strong>{}</strong> 서비스로 계속하려면 로그인하세요"),
                   api::html_escaped(login.client)) +
            "</p>\n";
  switch (login.trouble) {
    case LoginPage::Trouble::kNone:
      break;
    case LoginPage::Trouble::kWrong:
      body += trouble_line(say("The address or the password is wrong.", "주소나 비밀번호가 틀렸습니다."));
      break;
    case LoginPage::Trouble::kWait:
      body += trouble_line(
          say("Too many attempts. Try again in some minutes.", "시도가 너무 많았습니다. 몇 분 뒤에 다시 해 보세요."));
      break;
    case LoginPage::Trouble::kDown:
      body += trouble_line(say("The server cannot check it now. Try again in a minute.",
                               "지금은 확인할 수 없습니다. 잠시 뒤에 다시 해 보세요."));
      break;
  }
  const bool named = !login.name.empty();
  body += "<form method=\"post\" action=\"/login\">\n" + hidden("next", login.next);
  body += "<label for=\"name\">" + say("Mail address", "메일 주소") +
          "</label>\n<input id=\"name\" name=\"name\" type=\"text\" inputmode=\"email\" autocomplete=\"username\" "
          "autocapitalize=\"none\" spellcheck=\"false\" required" +
          (named ? "" : " autofocus") + " value=\"" + api::html_escaped(login.name) + "\">\n";
  body += "<label for=\"password\">" + say("Password", "비밀번호") +
          "</label>\n<input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" "
          "required" +
          (named ? " autofocus" : "") + ">\n";
  body += "<p class=\"row\"><button>" + say("Sign in", "로그인") + "</button></p>\n</form>\n";
  const int status = login.trouble == LoginPage::Trouble::kNone    ? 200
                     : login.trouble == LoginPage::Trouble::kWrong ? 403
                     : login.trouble == LoginPage::Trouble::kWait  ? 429
                                                                   : 503;
  return framed(view, status, say("Sign in", "로그인"), body, login.csp_source);
}

web::Response page(const View& view, const ConsentPage& consent) {
  const auto say = [&](std::string_view en, std::string_view ko) { return std::string(view.korean ? ko : en); };
  std::string body =
      "<p>" +
      filled(say("You are signed in as <strong>{}</strong>.", "<strong>{}</strong> 계정으로 로그인했습니다."),
             api::html_escaped(consent.account)) +
      " <a href=\"" + api::html_escaped(consent.other_account) + "\">" + say("Use another account", "다른 계정 쓰기") +
      "</a></p>\n";
  if (!consent.user_code.empty())
    body += "<p>" +
            say("Your device must show this code. If it does not, refuse.",
                "기기에 이 코드가 보여야 합니다. 다르면 거절하세요.") +
            "</p>\n<p class=\"compare\">" + api::html_escaped(consent.user_code) + "</p>\n";
  body += "<p>" + say("It will be able to:", "다음을 할 수 있게 됩니다.") + "</p>\n<ul>\n";
  for (const std::string& line : described(consent.scopes, view.korean)) body += "<li>" + line + "</li>\n";
  body += "</ul>\n";
  if (consent.unknown_here)
    body += trouble_line(say("This program has registered itself. Nobody here has checked who made it.",
                             "이 프로그램은 스스로 등록했습니다. 누가 만들었는지 확인한 사람이 없습니다."));
  if (!consent.target.empty())
    body += "<p class=\"soft\">" +
            filled(say("The answer goes to {}.", "답은 {} 주소로 갑니다."), api::html_escaped(consent.target)) +
            "</p>\n";
  body += "<p class=\"soft\">" +
          (consent.stays ? say("It keeps this access until you take it back.", "권한은 취소할 때까지 유지됩니다.")
                         : say("It keeps this access for an hour.", "권한은 한 시간 동안 유지됩니다.")) +
          "</p>\n";
  body += "<form method=\"post\" action=\"" + api::html_escaped(consent.action) + "\">\n" +
          hidden("csrf", consent.csrf) + hidden(consent.name, consent.value);
  body += "<p class=\"row\"><button name=\"decision\" value=\"allow\">" + say("Allow", "허용") +
          "</button>\n<button class=\"second\" name=\"decision\" value=\"refuse\">" + say("Refuse", "거절") +
          "</button></p>\n</form>\n";
  return framed(
      view, 200,
      filled(say("{} asks for access to your mail account", "{} 앱에서 메일 계정 접근을 요청합니다"), consent.client),
      body, consent.csp_source);
}

web::Response page(const View& view, const DevicePage& device) {
  const auto say = [&](std::string_view en, std::string_view ko) { return std::string(view.korean ? ko : en); };
  std::string body = "<p>" + say("Enter the code that your device shows.", "기기에 보이는 코드를 넣으세요.") + "</p>\n";
  if (device.trouble == DevicePage::Trouble::kUnknown)
    body += trouble_line(say("There is no such code, or it has expired.", "그런 코드가 없거나 기한이 지났습니다."));
  if (device.trouble == DevicePage::Trouble::kWait)
    body += trouble_line(
        say("Too many attempts. Try again in some minutes.", "시도가 너무 많았습니다. 몇 분 뒤에 다시 해 보세요."));
  body += "<form method=\"post\" action=\"/device\">\n<label for=\"code\">" + say("Code", "코드") +
          "</label>\n<input id=\"code\" class=\"code\" name=\"user_code\" autocomplete=\"off\" "
          "autocapitalize=\"characters\" "
          "spellcheck=\"false\" maxlength=\"20\" required autofocus value=\"" +
          api::html_escaped(device.user_code) + "\">\n<p class=\"row\"><button>" + say("Continue", "계속") +
          "</button></p>\n</form>\n";
  const int status = device.trouble == DevicePage::Trouble::kNone      ? 200
                     : device.trouble == DevicePage::Trouble::kUnknown ? 404
                                                                       : 429;
  return framed(view, status, say("Connect a device", "기기 연결"), body, "");
}

web::Response page(const View& view, Notice notice, std::string_view detail) {
  struct Text {
    int status;
    Words title, text;
  };
  const auto text_of = [](Notice n) -> Text {
    switch (n) {
      case Notice::kDeviceDone:
        return {200,
                {"Your device is connected", "기기를 연결했습니다"},
                {"You can close this page and go on there.", "이 페이지를 닫고 기기에서 계속하세요."}};
      case Notice::kDeviceRefused:
        return {200, {"Refused", "거절했습니다"}, {"The device gets nothing.", "기기는 아무 권한도 받지 않습니다."}};
      case Notice::kSignedOut:
        return {
            200,
            {"You are signed out", "로그아웃했습니다"},
            {"This browser knows nothing of your account any more.", "이 브라우저에 계정 정보가 남아 있지 않습니다."}};
      case Notice::kSignedIn:
        return {200, {"You are signed in", "로그인했습니다"}, {"", ""}};
      case Notice::kBadClient:
        return {
            400,
            {"This request cannot be answered", "이 요청에는 답할 수 없습니다"},
            {"The program that sent you here is not known here, or asks for the answer at an address that it has not "
             "registered. Nothing was sent to it.",
             "이곳으로 보낸 프로그램이 등록되어 있지 않거나, 등록하지 않은 주소로 답을 보내라고 합니다. "
             "아무것도 보내지 않았습니다."}};
      case Notice::kForged:
        return {
            403,
            {"This form was not sent from here", "이 양식은 여기서 보낸 것이 아닙니다"},
            {"Go back, load the page again, and try once more.", "뒤로 가서 페이지를 새로 고친 뒤 다시 해 보세요."}};
      case Notice::kInClear:
        return {403,
                {"This connection is not secure", "안전하지 않은 연결입니다"},
                {"Open this page with https.", "https 주소로 여세요."}};
      case Notice::kBusy:
        return {429,
                {"Too many requests", "요청이 너무 많습니다"},
                {"Try again in a minute.", "잠시 뒤에 다시 해 보세요."}};
      case Notice::kDown:
        break;
    }
    return {503,
            {"The server cannot answer now", "지금은 답할 수 없습니다"},
            {"Try again in a minute.", "잠시 뒤에 다시 해 보세요."}};
  };
  const Text text = text_of(notice);
  std::string body;
  if (!text.text.en.empty()) body += "<p>" + std::string(text.text.in(view)) + "</p>\n";
  if (!detail.empty()) body += "<p class=\"soft\">" + api::html_escaped(detail) + "</p>\n";
  return framed(view, text.status, text.title.in(view), body, "");
}

web::Response sign_out_page(const View& view, const std::string& account) {
  const auto say = [&](std::string_view en, std::string_view ko) { return std::string(view.korean ? ko : en); };
  const std::string body = "<p><strong>" + api::html_escaped(account) +
                           "</strong></p>\n<form method=\"post\" action=\"/logout\">\n<p class=\"row\"><button>" +
                           say("Sign out", "로그아웃") + "</button></p>\n</form>\n";
  return framed(view, 200, say("Sign out?", "로그아웃할까요?"), body, "");
}

web::Response stylesheet() {
  web::Response out = web::with_etag(web::with_body("text/css; charset=utf-8", std::string(kStyle)));
  out.headers.set("Cache-Control", "no-cache");
  out.compress = true;
  return out;
}

}  // namespace pabal::oauth
