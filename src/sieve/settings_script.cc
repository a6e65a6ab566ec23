// Mail settings as a Sieve script. First every filter says what it wants, in variables, then it is done: so a message
// with several labels is one message, with one set of flags.
#include <algorithm>
#include <map>

#include "base/codec.h"
#include "base/text.h"
#include "message/build.h"
#include "message/message.h"
#include "sieve/dates.h"
#include "sieve/settings.h"

namespace pabal::sieve {
namespace {

constexpr std::string_view kUsualAnswer = "I am away, and will read your message when I am back.\n";

std::string crlf(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    out += text[i] == '\n' || text[i] == '\r' ? "\r\n" : std::string(1, text[i]);
  }
  return out;
}

// RFC 2046 §5.1.4, the plain form first.
std::string both_forms(const VacationAnswer& v) {
  const std::string text = crlf(v.text.empty() ? message::html_to_text(v.html) : v.text), html = crlf(v.html);
  const std::string boundary = "=_" + text::hex(sha256(text + html)).substr(0, 32);
  std::string out = "Content-Type: multipart/alternative; boundary=\"" + boundary + "\"\r\n\r\n";
  for (const auto& [subtype, body] : {std::pair("plain", text), std::pair("html", html)})
    out += "--" + boundary + "\r\nContent-Type: text/" + subtype +
           "; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
           message::encode_quoted_printable(body) + "\r\n";
  return out + "--" + boundary + "--\r\n";
}

class Writer {
 public:
  Writer(const Settings& settings, const NameOf& name_of) : s_(settings), name_of_(name_of) {}

  std::string script() {
    for (const Filter& filter : s_.filters) write(filter);
    write_forwards();
    if (s_.vacation.enabled) write_vacation();
    if (s_.auto_forwarding.enabled) write_auto_forwarding();
    if (out_.empty()) return "";
    write_filing();
    return std::string(kHead) + (has_dollar_ ? "set \"dollar\" \"$\";\r\n" : "") + out_;
  }

 private:
  static constexpr const char* kHead =
      "# Written by the server from the mail settings of this account. It runs before the account's own script.\r\n"
      "require [\"copy\", \"date\", \"envelope\", \"environment\", \"fileinto\", \"imap4flags\", \"mailbox\",\r\n"
      "  \"mailboxid\", \"relational\", \"special-use\", \"vacation\", \"variables\", \"vnd.pabal.query\"];\r\n"
      "set \"junk\" \"no\";\r\n"
      "if environment :is \"vnd.pabal.junk\" \"yes\" { set \"junk\" \"yes\"; }\r\n";

  void line(const std::string& text) { out_ += text + "\r\n"; }

  // RFC 5228 §2.4.2. What looks like a variable is none (RFC 5229 §3 has no escape).
  std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '$' && i + 1 < text.size() && text[i + 1] == '{') {
        out += "${dollar}";
        has_dollar_ = true;
        continue;
      }
      if (text[i] == '"' || text[i] == '\\') out += '\\';
      out += text[i];
    }
    return out + '"';
  }
  static std::string is_set(const std::string& variable) { return "string \"${" + variable + "}\" \"yes\""; }
  static std::string set(const std::string& variable, bool on = true) {
    return "set \"" + variable + "\" \"" + (on ? "yes" : "no") + "\";";
  }
  static std::string all_of(const std::vector<std::string>& tests) {
    return tests.size() == 1 ? tests[0] : "allof (" + text::join(tests, ",\r\n  ") + ")";
  }

  // --- filters ---

  std::string search(const std::string& query) { return "query " + quoted(query); }

  std::vector<std::string> tests_of(const Criteria& c) {
    std::vector<std::string> out;
    if (!c.from.empty()) out.push_back(search("from:(" + c.from + ")"));
    if (!c.to.empty()) out.push_back(search("{to:(" + c.to + ") cc:(" + c.to + ") bcc:(" + c.to + ")}"));
    if (!c.subject.empty()) out.push_back(search("subject:(" + c.subject + ")"));
    if (!c.query.empty()) out.push_back(search(c.query));
    if (!c.negated_query.empty()) out.push_back("not " + search(c.negated_query));
    if (c.has_attachment) out.push_back(search("has:attachment"));
    if (c.larger) out.push_back("size :over " + std::to_string(*c.larger));
    if (c.smaller) out.push_back("size :under " + std::to_string(*c.smaller));
    return out;
  }

  void write(const Filter& filter) {
    std::string acts;
    const auto act = [&](const std::string& text) { acts += "  " + text + "\r\n"; };
    const FilterAction& a = filter.action;
    for (const std::string& flag : a.add_flags) act("addflag " + quoted(flag) + ";");
    for (const std::string& flag : a.remove_flags) act("removeflag " + quoted(flag) + ";");
    for (const mailbox::MailboxId id : a.add)
      if (const auto name = name_of_(id)) {
        labels_[id] = *name;
        act(set(label(id)));
      }
    for (const mailbox::MailboxId id : a.remove) act(set(label(id), false));
    if (a.skip_inbox) act(set("archive"));
    if (a.never_junk) act("addflag \"$NotJunk\"; set \"junk\" \"no\";");
    if (a.trash) act(set("trash"));
    if (!a.forward.empty() && s_.may_forward_to(a.forward)) {
      const std::string address = text::lowered(a.forward);
      const size_t number = forwards_.emplace(address, forwards_.size() + 1).first->second;
      act(set("forward_" + std::to_string(number)));
    }
    if (acts.empty()) return;  // its labels are gone
    line("");
    line("# Filter " + std::to_string(filter.id));
    line("if " + all_of(tests_of(filter.criteria)) + " {");
    out_ += acts;
    line("}");
  }

  static std::string label(mailbox::MailboxId id) { return "label_" + std::to_string(id); }

  // --- what goes out; nothing of junk ---

  void write_forwards() {
    if (forwards_.empty()) return;
    line("");
    line("# Where filters forward it");
    line("if string \"${junk}\" \"no\" {");
    for (const auto& [address, number] : forwards_)
      line("  if " + is_set("forward_" + std::to_string(number)) + " { redirect :copy " + quoted(address) + "; }");
    line("}");
  }

  void write_vacation() {
    const VacationAnswer& v = s_.vacation;
    std::vector<std::string> tests = {"string \"${junk}\" \"no\"", "not " + is_set("trash")};
    const auto date = [](const char* relation, Time bound) {
      return std::string("currentdate :zone \"+0000\" :value \"") + relation + "\" \"iso8601\" \"" +
             date_part("iso8601", bound, std::chrono::minutes(0)).value_or("") + "\"";
    };
    if (v.from) tests.push_back(date("ge", *v.from));
    if (v.until) tests.push_back(date("lt", *v.until));
    if (!v.only_domain.empty()) tests.push_back("envelope :domain :is \"from\" " + quoted(v.only_domain));
    line("");
    line("# The vacation answer");
    line("if " + all_of(tests) + " {");
    std::string answer = "  vacation :days " + std::to_string(kVacationInterval.count());
    if (!v.subject.empty()) answer += " :subject " + quoted(v.subject);
    const std::string_view text = v.text.empty() ? kUsualAnswer : std::string_view(v.text);
    line(answer + (v.html.empty() ? " " + quoted(crlf(text)) : " :mime " + quoted(both_forms(v))) + ";");
    line("}");
  }

  void write_auto_forwarding() {
    line("");
    line("# Forwarding of all mail");
    line("if " + all_of({"string \"${junk}\" \"no\"", "not " + is_set("trash")}) + " {");
    line("  redirect :copy " + quoted(s_.auto_forwarding.address) + ";");
    switch (s_.auto_forwarding.after) {
      case AfterForwarding::kLeaveInInbox:
        break;
      case AfterForwarding::kArchive:
        line("  " + set("archive"));
        break;
      case AfterForwarding::kTrash:
        line("  " + set("trash"));
        break;
      case AfterForwarding::kMarkRead:
        line("  addflag \"\\\\Seen\";");
        break;
    }
    line("}");
  }

  // --- where it lies ---

  void write_filing() {
    line("");
    line("# Where it lies");
    line("if " + is_set("trash") + " {");
    line("  fileinto :specialuse \"\\\\Trash\" :create \"Trash\";");
    line("  stop;");
    line("}");
    for (const auto& [id, name] : labels_) {
      const std::string object = "\"M" + std::to_string(id) + "\"";
      line("if allof (" + is_set(label(id)) + ", mailboxidexists " + object + ") {");
      line("  fileinto :copy :mailboxid " + object + " " + quoted(name) + ";");
      line("  " + set("labelled"));
      line("}");
    }
    line("if " + all_of({is_set("archive"), "string \"${junk}\" \"no\""}) + " {");
    line("  if " + is_set("labelled") + " { discard; }");
    line("  else { fileinto :specialuse \"\\\\Archive\" :create \"Archive\"; }");
    line("}");
  }

  const Settings& s_;
  const NameOf& name_of_;
  std::string out_;
  bool has_dollar_ = false;
  std::map<mailbox::MailboxId, std::string> labels_;
  std::map<std::string, size_t> forwards_;  // address: number of its variable
};

}  // namespace

std::string script_of(const Settings& settings, const NameOf& name_of) { return Writer(settings, name_of).script(); }

}  // namespace pabal::sieve
