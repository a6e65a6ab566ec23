#include "trust/aggregate.h"

#include <algorithm>
#include <functional>

#include "base/text.h"
#include "dns/resolver.h"
#include "message/address.h"
#include "message/words.h"
#include "trust/xml.h"

namespace pabal::trust {
namespace {

using Row = AggregateReport::Row;

// --- writing
// ----------------------------------------------------------------------------------------------------------

class Writer {
 public:
  Writer()
      : out_("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">\n") {}

  void text(std::string_view name, std::string_view value) {
    const std::string tag(name);
    indent();
    out_ += "<" + tag + ">" + xml_escape(message::utf8_prefix(value, kMaxReportText)) + "</" + tag + ">\n";
  }
  void optional(std::string_view name, std::string_view value) {
    if (!value.empty()) text(name, value);
  }
  void group(std::string_view name, const std::function<void()>& content) {
    const std::string tag(name);
    indent();
    out_ += "<" + tag + ">\n";
    ++depth_;
    content();
    --depth_;
    indent();
    out_ += "</" + tag + ">\n";
  }
  std::string take() && { return std::move(out_) + "</feedback>\n"; }

 private:
  void indent() { out_.append(depth_ * 2, ' '); }
  std::string out_;
  size_t depth_ = 1;
};

void write_row(Writer& w, const Row& row) {
  w.group("row", [&] {
    w.text("source_ip", row.source_ip);
    w.text("count", std::to_string(row.count));
    w.group("policy_evaluated", [&] {
      w.text("disposition", row.disposition);
      w.text("dkim", row.dkim);
      w.text("spf", row.spf);
      for (const auto& reason : row.reasons)
        w.group("reason", [&] {
          w.text("type", reason.type);
          w.optional("comment", reason.comment);
        });
    });
  });
  w.group("identifiers", [&] {
    w.text("header_from", row.header_from);
    w.text("envelope_from", row.envelope_from);  // empty: a null reverse-path
    w.optional("envelope_to", row.envelope_to);
  });
  w.group("auth_results", [&] {
    for (const auto& dkim : row.dkim_results)
      w.group("dkim", [&] {
        w.text("domain", dkim.domain);
        w.text("selector", dkim.selector);
        w.text("result", dkim.result);
        w.optional("human_result", dkim.human_result);
      });
    for (const auto& spf : row.spf_results)
      w.group("spf", [&] {
        w.text("domain", spf.domain);
        w.optional("scope", spf.scope);
        w.text("result", spf.result);
        w.optional("human_result", spf.human_result);
      });
  });
}

// --- reading
// ----------------------------------------------------------------------------------------------------------

class Reading {
 public:
  Result<AggregateReport> run(std::string_view document) {
    XmlReader xml(document);
    while (true) {
      auto token = xml.next();
      if (!token) return token.error();
      switch (token->kind) {
        case XmlReader::Token::kStart:
          if (const auto begun = start(std::move(token->name)); !begun) return begun.error();
          break;
        case XmlReader::Token::kText:
          if (text_.size() < kMaxReportText) text_ += token->text;
          break;
        case XmlReader::Token::kEnd:
          if (path_.empty()) break;
          if (path_.size() == 1) return finish();
          end();
          break;
        case XmlReader::Token::kDone:
          return Error{Code::kInvalid, "the XML is no DMARC report: it has no <feedback>"};
      }
    }
  }

 private:
  Result<void> start(std::string name) {
    if (path_.empty() && name != "feedback") return {};  // some wrap it
    if (path_.size() > kMaxXmlDepth) return {};
    const std::string parent = path_.empty() ? "" : path_.back();
    text_.clear();
    if (name == "record") {
      if (report_.rows.size() == kMaxReportRows) return Error{Code::kLimit, "the report has too many rows"};
      keep_last_row();
      report_.rows.emplace_back();
      count_.clear();
    } else if (name == "error" && parent == "report_metadata" && report_.errors.size() < kMaxReportResults) {
      report_.errors.emplace_back();
    } else if (!report_.rows.empty()) {
      Row& row = report_.rows.back();
      if (name == "reason" && row.reasons.size() < kMaxReportResults) row.reasons.emplace_back();
      if (parent == "auth_results" && name == "dkim" && row.dkim_results.size() < kMaxReportResults)
        row.dkim_results.emplace_back();
      if (parent == "auth_results" && name == "spf" && row.spf_results.size() < kMaxReportResults)
        row.spf_results.emplace_back();
    }
    path_.push_back(std::move(name));
    return {};
  }

  void end() {
    if (std::string* to = slot(path_[path_.size() - 2], path_.back()); to && to->empty())
      *to = message::utf8_prefix(text::trim(text_), kMaxReportText);
    text_.clear();
    path_.pop_back();
  }

  using Slots = std::initializer_list<std::pair<std::string_view, std::string*>>;
  static std::string* pick(std::string_view name, Slots slots) {
    for (const auto& [known, to] : slots)
      if (known == name) return to;
    return nullptr;
  }

  // Where the text of <parent><name> goes; null: nowhere.
  std::string* slot(std::string_view parent, std::string_view name) {
    AggregateReport& r = report_;
    auto& p = r.published;
    if (parent == "feedback") return pick(name, {{"version", &version_}});
    if (parent == "report_metadata") {
      if (name == "error") return r.errors.empty() ? nullptr : &r.errors.back();
      return pick(name, {{"org_name", &r.org_name},
                         {"email", &r.email},
                         {"extra_contact_info", &r.extra_contact_info},
                         {"report_id", &r.report_id},
                         {"generator", &r.generator}});
    }
    if (parent == "date_range") return pick(name, {{"begin", &begin_}, {"end", &end_}});
    if (parent == "policy_published")
      return pick(name, {{"domain", &p.domain},
                         {"discovery_method", &p.discovery_method},
                         {"p", &p.p},
                         {"sp", &p.sp},
                         {"np", &p.np},
                         {"fo", &p.fo},
                         {"adkim", &p.adkim},
                         {"aspf", &p.aspf},
                         {"testing", &p.testing}});
    return r.rows.empty() ? nullptr : row_slot(r.rows.back(), parent, name);
  }

  std::string* row_slot(Row& row, std::string_view parent, std::string_view name) {
    if (parent == "row") return pick(name, {{"source_ip", &row.source_ip}, {"count", &count_}});
    if (parent == "policy_evaluated")
      return pick(name, {{"disposition", &row.disposition}, {"dkim", &row.dkim}, {"spf", &row.spf}});
    if (parent == "identifiers")
      return pick(name, {{"header_from", &row.header_from},
                         {"envelope_from", &row.envelope_from},
                         {"envelope_to", &row.envelope_to}});
    if (parent == "reason" && !row.reasons.empty())
      return pick(name, {{"type", &row.reasons.back().type}, {"comment", &row.reasons.back().comment}});
    if (parent == "dkim" && !row.dkim_results.empty()) {
      auto& dkim = row.dkim_results.back();
      return pick(name, {{"domain", &dkim.domain},
                         {"selector", &dkim.selector},
                         {"result", &dkim.result},
                         {"human_result", &dkim.human_result}});
    }
    if (parent == "spf" && !row.spf_results.empty()) {
      auto& spf = row.spf_results.back();
      return pick(name, {{"domain", &spf.domain},
                         {"scope", &spf.scope},
                         {"result", &spf.result},
                         {"human_result", &spf.human_result}});
    }
    return nullptr;
  }

  // A row is looked at when the next begins, or the report ends.
  void keep_last_row() {
    if (report_.rows.empty()) return;
    Row& row = report_.rows.back();
    const auto count = text::parse_u64(count_);
    row.source_ip = text::lowered(row.source_ip);
    if (!count || *count == 0 || *count > INT64_MAX || dns::reverse_name(row.source_ip).empty()) {
      report_.rows.pop_back();
      return;
    }
    row.count = *count;
    for (std::string* word : {&row.disposition, &row.dkim, &row.spf, &row.header_from, &row.envelope_from})
      *word = text::lowered(*word);
    for (auto& dkim : row.dkim_results)
      dkim.result = text::lowered(dkim.result), dkim.domain = text::lowered(dkim.domain);
    for (auto& spf : row.spf_results) spf.result = text::lowered(spf.result), spf.domain = text::lowered(spf.domain);
    std::erase_if(row.reasons, [](const auto& r) { return r.type.empty() && r.comment.empty(); });
  }

  Result<AggregateReport> finish() {
    keep_last_row();
    AggregateReport& r = report_;
    r.version = version_;
    r.published.domain = message::ascii_domain(r.published.domain);
    if (r.published.domain.empty()) return Error{Code::kInvalid, "the report does not say of which domain it is"};
    // "1337270400.0" is seen.
    const auto whole = [](std::string_view seconds) { return text::parse_u64(seconds.substr(0, seconds.find('.'))); };
    const auto begin = whole(begin_), end = whole(end_);
    constexpr uint64_t kFar = 253'402'300'800;  // the year 10000
    if (!begin || !end || *begin > *end || *end >= kFar)
      return Error{Code::kInvalid, "the report does not say of which time it is"};
    r.begin = static_cast<int64_t>(*begin);
    r.end = static_cast<int64_t>(*end);
    for (std::string* word : {&r.published.p, &r.published.sp, &r.published.np}) *word = text::lowered(*word);
    return std::move(r);
  }

  AggregateReport report_;
  std::vector<std::string> path_;  // from <feedback> down
  std::string text_, version_, begin_, end_, count_;
};

}  // namespace

std::string to_xml(const AggregateReport& report) {
  Writer w;
  w.text("version", "1.0");
  w.group("report_metadata", [&] {
    w.text("org_name", report.org_name);
    w.text("email", report.email);
    w.optional("extra_contact_info", report.extra_contact_info);
    w.text("report_id", report.report_id);
    w.group("date_range", [&] {
      w.text("begin", std::to_string(report.begin));
      w.text("end", std::to_string(report.end));
    });
    for (const std::string& error : report.errors) w.text("error", error);
    w.optional("generator", report.generator);
  });
  w.group("policy_published", [&] {
    const auto& p = report.published;
    for (const auto& [name, value] :
         {std::pair("domain", &p.domain), std::pair("discovery_method", &p.discovery_method), std::pair("p", &p.p),
          std::pair("sp", &p.sp), std::pair("np", &p.np), std::pair("fo", &p.fo), std::pair("adkim", &p.adkim),
          std::pair("aspf", &p.aspf), std::pair("testing", &p.testing)})
      w.optional(name, *value);
  });
  for (const Row& row : report.rows) w.group("record", [&] { write_row(w, row); });
  return std::move(w).take();
}

Result<AggregateReport> parse_aggregate(std::string_view xml) {
  const std::string document = xml_to_utf8(xml);
  return Reading().run(text::trim(document));
}

}  // namespace pabal::trust
