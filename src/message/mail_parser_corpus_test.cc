// stalwartlabs/mail-parser's messages: X.eml with LF line ends against X.json, with CRLF line ends against X.crlf.json.
#include <boost/json/src.hpp>

#include "message/corpus_test.h"

namespace pabal::message {
namespace {

namespace json = boost::json;

// Where the expectation there is not what the RFCs say, or not what we choose to say.
constexpr const char* kRaw8bit = "8-bit text without a charset: U+FFFD there; we read windows-1252, which it is";
constexpr const char* kBackslash =
    "a backslash in a file name's quoted string: RFC 5322 §3.2.4 removes it there; we keep DOS paths whole";
constexpr const char* kOuterBoundary = "RFC 2046 §5.1.2: a boundary of an enclosing part ends the inner ones";
constexpr const char* kBadBase64 =
    "RFC 2045 §6.8: characters outside of the alphabet are ignored; there the part stays undecoded";

const corpus::Differences::Table kDiffers = {
    {"legacy/016 [3].params", kRaw8bit},
    {"legacy/016 [3].disposition_params", kRaw8bit},
    {"legacy/017 to", kRaw8bit},
    {"legacy/017 [2].content", "uuencode is undone here"},
    {"legacy/017 [3].content", "uuencode is undone here"},
    {"legacy/020 subject", kRaw8bit},
    {"legacy/020 to", kRaw8bit},
    {"legacy/022 subject", kRaw8bit},
    {"legacy/022 to", kRaw8bit},
    {"legacy/026 [2].params", kRaw8bit},
    {"legacy/026 [2].disposition_params", kRaw8bit},
    {"legacy/026 [2].text", kRaw8bit},
    {"legacy/027 subject", kRaw8bit},
    {"legacy/027 to", kRaw8bit},
    {"legacy/035 [5].disposition_params", kBackslash},
    {"legacy/035 [6].disposition_params", kBackslash},
    {"legacy/039 [3].disposition_params", kBackslash},
    {"legacy/039 [4].disposition_params", kBackslash},
    {"malformed/000 [0].children", "parts with nothing but a header, ended by a boundary: dropped there, kept here"},
    {"malformed/004 [0].children",
     "\"--ab\" is no line of boundary \"a\": many programs use boundaries that are prefixes of each other"},
    {"malformed/007",
     "\"--ab\" ends no header there, since its boundary stands in that same header; here it begins the body"},
    {"malformed/008", kOuterBoundary},
    {"malformed/012", kOuterBoundary},
    {"malformed/016", kOuterBoundary},
    {"malformed/019", "fuzzed header lines: where the body begins is anybody's guess"},
    {"malformed/021",
     "two Content-Type fields: the last counts there, the first here (as in Dovecot), so the parts are others"},
    {"malformed/022 [2].end", "the embedded message has no header: the boundary behind it is read as one there"},
    {"rfc/000 [4].text", kBadBase64},
    {"rfc/000 [5].text", kBadBase64},
    {"thirdparty/002 [2].text", kBadBase64},
    {"thirdparty/002 [3].text", kBadBase64},
    {"rfc/000 [7].from", "only a comment: RFC 5322 §3.4 has no address in it"},
    {"rfc/000 [7].to", "only a comment: RFC 5322 §3.4 has no address in it"},
    {"thirdparty/004 [3].encoding", "\"8 bit\": blanks are removed here"},
    {"thirdparty/005 [1].text", "UTF-16 with an octet too few at the end: U+FFFD here, dropped there"},
    {"thirdparty/005 [5].end", "RFC 2046 §5.1.1: a boundary stands at the beginning of a line"},
    {"thirdparty/005 [5].text", "RFC 2046 §5.1.1: a boundary stands at the beginning of a line"},
    {"thirdparty/010 [0].params", "one parameter twice: the last counts there, the first here"},
    {"thirdparty/015", kOuterBoundary},
};

std::string str(const json::value& v) {
  return v.is_string() ? std::string(v.as_string()) : v.is_null() ? "" : json::serialize(v);
}

std::string octets(const json::value& v) {
  std::string out;
  for (const json::value& one : v.as_array()) out += static_cast<char>(one.to_number<int>());
  return out;
}

std::map<std::string, std::string> attributes(const json::value& v) {
  std::map<std::string, std::string> out;
  if (v.is_array())
    for (const json::value& one : v.as_array()) out.try_emplace(str(one.at("name")), str(one.at("value")));
  return out;
}

std::map<std::string, std::string> as_map(const Params& params) { return {params.begin(), params.end()}; }

using Mailboxes = std::vector<std::string>;

void add(Mailboxes& out, const json::value& list) {
  for (const json::value& one : list.as_array())
    out.push_back(str(one.at("name")) + " <" + str(one.at("address")) + ">");
}

Mailboxes theirs(const json::value& address) {
  Mailboxes out;
  const json::object& o = address.as_object();
  if (o.contains("List"))
    add(out, o.at("List"));
  else
    for (const json::value& group : o.at("Group").as_array()) {
      if (!group.at("name").is_null()) out.push_back(str(group.at("name")) + ":");
      add(out, group.at("addresses"));
      if (!group.at("name").is_null()) out.push_back(";");
    }
  return out;
}

Mailboxes ours(const std::vector<AddressItem>& list) {
  Mailboxes out;
  for (const AddressItem& item : list) switch (item.kind) {
      // What has no "@" is a name there, a local part here (RFC 9051 §7.5.2).
      case AddressItem::kMailbox:
        out.push_back(item.domain.empty() && item.display.empty() ? item.local + " <>"
                                                                  : item.display_text() + " <" + item.address() + ">");
        break;
      case AddressItem::kGroupStart:
        out.push_back(item.display_text() + ":");
        break;
      case AddressItem::kGroupEnd:
        out.push_back(";");
        break;
    }
  return out;
}

int64_t seconds_of(const json::value& d) {
  using namespace std::chrono;
  const auto n = [&](const char* key) { return d.at(key).to_number<int>(); };
  const sys_days day = year_month_day(year(n("year")), month(static_cast<unsigned>(n("month"))),
                                      std::chrono::day(static_cast<unsigned>(n("day"))));
  const int zone = (n("tz_hour") * 60 + n("tz_minute")) * (d.at("tz_before_gmt").as_bool() ? -1 : 1);
  return day.time_since_epoch().count() * 86400LL + n("hour") * 3600 + n("minute") * 60 + n("second") - zone * 60;
}

class Runner {
 public:
  Runner(corpus::Differences& differences, std::string file) : differences_(differences), file_(std::move(file)) {}

  void message(const std::string& path, std::string_view bytes, const Summary& summary, const Part& root,
               const json::value& expected) {
    summary_of(path, summary, expected.at("parts").at(0));
    size_t next = 0;
    part(path, bytes, root, expected.at("parts").as_array(), next);
  }

 private:
  template <typename A, typename B>
  void same(const std::string& what, const A& a, const B& b) {
    differences_.compare(file_, what, a, b);
  }

  void summary_of(const std::string& path, const Summary& s, const json::value& part) {
    std::map<std::string, Mailboxes> lists;
    for (const json::value& field : part.at("headers").as_array()) {
      if (!field.at("name").is_string() || !field.at("value").is_object()) continue;
      const std::string name(field.at("name").as_string());
      const auto& [kind, value] = *field.at("value").as_object().begin();
      if (name == "subject" && kind == "Text")
        same(path + "subject", decode_words(s.subject), str(value));
      else if (name == "message_id" && kind == "Text")
        same(path + "message_id", s.message_id, "<" + str(value) + ">");
      else if (name == "date" && kind == "DateTime")
        same(path + "date", s.date ? to_micros(*s.date) / 1'000'000 : -1, seconds_of(value));
      else if (name == "references" && kind == "TextList") {
        std::vector<std::string> ids;
        for (const json::value& id : value.as_array()) ids.push_back("<" + str(id) + ">");
        same(path + "references", s.references, ids);
      } else if (kind == "Address")
        for (const std::string& one : theirs(value)) lists[name].push_back(one);
    }
    for (const auto& [name, list] :
         {std::pair{"from", &s.from}, {"to", &s.to}, {"cc", &s.cc}, {"reply_to", &s.reply_to}})
      if (lists.contains(name)) same(path + name, ours(*list), lists[name]);
  }

  void part(const std::string& path, std::string_view bytes, const Part& p, const json::array& parts, size_t& next) {
    ASSERT_LT(next, parts.size()) << file_;
    const std::string at = path + "[" + std::to_string(next) + "].";
    const json::value& expected = parts[next++];
    same(at + "header_offset", int64_t{p.header_offset}, expected.at("offset_header").to_number<int64_t>());
    same(at + "body_offset", int64_t{p.body_offset}, expected.at("offset_body").to_number<int64_t>());
    same(at + "end", int64_t{p.body_offset} + p.body_size, expected.at("offset_end").to_number<int64_t>());
    for (const json::value& field : expected.at("headers").as_array()) {
      if (!field.at("name").is_string() || !field.at("value").is_object()) continue;
      const std::string name(field.at("name").as_string());
      const auto& [kind, value] = *field.at("value").as_object().begin();
      if (name == "content_type" && kind == "ContentType" && !value.at("c_subtype").is_null()) {
        same(at + "type", p.type + "/" + p.subtype,
             text::lowered(str(value.at("c_type")) + "/" + str(value.at("c_subtype"))));
        same(at + "params", as_map(p.params), attributes(value.at("attributes")));
      } else if (name == "content_disposition" && kind == "ContentType") {
        same(at + "disposition", p.disposition, text::lowered(str(value.at("c_type"))));
        same(at + "disposition_params", as_map(p.disposition_params), attributes(value.at("attributes")));
      } else if (name == "content_transfer_encoding" && kind == "Text")
        same(at + "encoding", p.encoding, text::lowered(str(value)));
      else if (name == "content_id" && kind == "Text")
        same(at + "id", p.id, "<" + str(value) + ">");
    }
    const auto& [kind, value] = *expected.at("body").as_object().begin();
    if (kind == "Multipart") {
      same(at + "children", p.children.size(), value.as_array().size());
      for (const Part& child : p.children)
        if (next < parts.size()) part(path, bytes, child, parts, next);
    } else if (kind == "Message") {
      if (p.children.size() == 1) {
        const Part& inner = p.children.front();
        message(at, bytes, inner.summary ? *inner.summary : Summary{}, inner, value);
      } else {  // a base64 body: closed to IMAP, since nothing in it has an offset
        const std::string content = part_content(bytes, p);
        const Message m = parse(content);
        message(at, content, m.summary, m.root, value);
      }
    } else if (kind == "Text" || kind == "Html") {
      same(at + "text", to_utf8(part_content(bytes, p), p.charset()), str(value));
    } else {
      same(at + "content", part_content(bytes, p), octets(value));
    }
  }

  corpus::Differences& differences_;
  std::string file_;
};

TEST(MailParserCorpus, EveryMessageHasItsExpectedTree) {
  PABAL_NEEDS_CORPUS("mail-parser");
  corpus::Differences differences(kDiffers);
  for (const auto& path : corpus::files(corpus::folder("mail-parser"), {".eml"})) {
    const std::string raw = corpus::read(path);
    for (const bool crlf : {false, true}) {
      std::filesystem::path expected = path;
      expected.replace_extension(crlf ? ".crlf.json" : ".json");
      if (!std::filesystem::exists(expected)) continue;
      const std::string bytes = crlf ? corpus::with_crlf(raw) : corpus::with_lf(raw);
      const Message m = parse(bytes);
      const std::string name =
          std::filesystem::relative(path, corpus::folder("mail-parser")).replace_extension().string();
      Runner(differences, name).message("", bytes, m.summary, m.root, json::parse(corpus::read(expected)));
    }
  }
  EXPECT_GT(differences.compared(), 4'500u);
  differences.expect_all_met();
}

}  // namespace
}  // namespace pabal::message
