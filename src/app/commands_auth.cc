#include "app/commands_auth.h"

#include <fstream>
#include <iostream>
#include <iterator>

#include "app/wait_for.h"
#include "base/log.h"
#include "base/text.h"
#include "net/io_loop.h"
#include "trust/dmarc_record.h"
#include "trust/ip.h"
#include "trust/results.h"
#include "trust/spf.h"

namespace pabal::app {
namespace {

using trust::Dmarc;
using trust::Outcome;

constexpr size_t kMaxMessage = 256 << 20;

// Text files end lines with LF; on the wire it is CRLF, and signatures are over that.
std::string with_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) out += '\r';
    out += text[i];
  }
  return out;
}

Result<std::string> read_all(const std::string& file) {
  std::string out;
  if (file == "-") {
    out.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    std::ifstream in(file, std::ios::binary);
    if (!in) return Error{Code::kNotFound, "cannot read " + file};
    out.assign(std::istreambuf_iterator<char>(in), {});
  }
  if (out.size() > kMaxMessage) return Error{Code::kLimit, file + " is larger than any message"};
  return out;
}

Result<std::shared_ptr<dns::Resolver>> resolver_of(const AuthOptions& options) {
  if (!options.zones.empty()) {
    std::string text;
    for (const std::string& file : options.zones) {
      const auto zone = read_all(file);
      if (!zone) return zone.error();
      text += "$ORIGIN .\n" + *zone + "\n";
    }
    auto zones = std::make_shared<dns::ZoneResolver>();
    if (const auto loaded = zones->load(".", text); !loaded) return loaded.error();
    return std::shared_ptr<dns::Resolver>(std::move(zones));
  }
  dns::UnboundOptions unbound;
  unbound.forwarder = options.dns_forwarder;
  auto resolver = dns::make_unbound(unbound);
  if (!resolver) return resolver.error();
  return std::shared_ptr<dns::Resolver>(std::move(*resolver));
}

trust::SpfQuery spf_query(const AuthOptions& options) {
  return {options.ip, options.helo, options.from, options.hostname, false};
}

// "permerror for alice@example.com: ...", what for and why left out where there is nothing to say.
std::string finding(Outcome outcome, const std::string& of, const std::string& problem) {
  return std::string(trust::outcome_name(outcome)) + (of.empty() ? "" : " for " + text::printable(of)) +
         (problem.empty() ? "" : ": " + problem);
}

std::string describe(const trust::Spf& spf) {
  std::string out = finding(spf.result, spf.sender, spf.problem);
  if (spf.result == Outcome::kNone) return out + "; " + text::printable(spf.domain) + " has no record";
  if (!spf.mechanism.empty()) out += ", by \"" + text::printable(spf.mechanism) + "\"";
  if (!spf.explanation.empty()) out += "; the domain says: " + text::printable(spf.explanation, 500);
  return out;
}

std::string describe(const trust::Dkim& dkim) {
  std::string key = dkim.domain + " (selector " + dkim.selector + ", " + dkim.algorithm;
  if (dkim.key_bits) key += ", " + std::to_string(dkim.key_bits) + " bits";
  return finding(dkim.result, dkim.domain.empty() ? "" : key + ")", dkim.problem) +
         (dkim.testing ? "; the key is marked as a test: it does not count" : "");
}

std::string describe(const Dmarc& dmarc) {
  std::string out = finding(dmarc.result, dmarc.from_domain, dmarc.problem);
  if (dmarc.spf_aligned || dmarc.dkim_aligned)
    out += std::string(", by ") + (dmarc.spf_aligned ? "SPF" : "") +
           (dmarc.spf_aligned && dmarc.dkim_aligned ? " and " : "") + (dmarc.dkim_aligned ? "DKIM" : "");
  if (dmarc.record.empty()) return out + "; no policy is published";
  out +=
      "; " + text::printable(dmarc.record_domain) + " asks for p=" + std::string(trust::policy_name(dmarc.published));
  return out + (dmarc.policy == dmarc.published ? "" : ", here for " + std::string(trust::policy_name(dmarc.policy)));
}

std::string describe(const trust::Arc& arc) {
  std::string out = finding(arc.result, "", arc.problem);
  for (const auto& set : arc.sets)
    out += (&set == &arc.sets.front() ? ", sealed by " : ", then ") + text::printable(set.domain);
  return out;
}

std::string describe(const trust::Disposition& disposition) {
  using Kind = trust::Disposition::Kind;
  std::string out;
  switch (disposition.kind) {
    case Kind::kAccept:
      out = "the message is taken";
      break;
    case Kind::kJunk:
      out = "the message goes to Junk";
      break;
    case Kind::kRefuse:
      out = "the message is refused";
      break;
    case Kind::kLater:
      out = "the client is asked to come again later";
      break;
  }
  if (!disposition.reason.empty()) out += ": " + disposition.reason;
  if (!disposition.trusted_by.empty()) out += "; the seal of " + disposition.trusted_by + " took the policy's place";
  return out;
}

}  // namespace

void add_auth_options(const Command& app, AuthOptions& o) {
  app.option("file", o.file, "the message, as it came in; - for standard input").required();
  app.option("--ip", o.ip, "the client's address").required();
  app.option("--helo", o.helo, "the name the client gave in HELO or EHLO").required();
  app.option("--from", o.from, "the address of MAIL FROM; \"\" for bounces").required();
  app.option("--hostname", o.hostname, "this server's name, for the fields written").show_default();
  app.option("--zone", o.zones, "a zone file with full names; only what such files say is in DNS then").once_each();
  app.option("--trust", o.trusted, "a domain whose ARC seals count, as by pabal forwarder add").once_each();
  app.option("--dns-forwarder", o.dns_forwarder, "a resolver, ip@port (default: /etc/resolv.conf)");
  app.footer(
      "Says what SPF, DKIM, ARC and DMARC find and what the server would do with the message. Nothing is stored.\n"
      "\n"
      "  pabal auth letter.eml --ip 192.0.2.1 --helo mail.example.com --from alice@example.com\n"
      "  swaks ... --dump-mail | pabal auth - --ip 2001:db8::1 --helo mx.example.com --from \"\"\n"
      "  pabal auth letter.eml ... --zone test.zone     try a record before it is published:\n"
      "      example.com. TXT \"v=spf1 ip4:192.0.2.0/24 -all\"\n"
      "\n"
      "Ends with 0 when the message would be taken (to Junk, perhaps), 1 when it would be refused or put off.");
}

std::string describe_verdict(const trust::Verdict& verdict, const trust::Disposition& disposition,
                             const AuthOptions& options) {
  std::string out = trust::received_spf(verdict.mail_from, spf_query(options));
  out += trust::results_field(options.hostname, trust::results_text(verdict)) + "\r\n";
  std::erase(out, '\r');
  const auto say = [&](const std::string& who, const std::string& what) {
    out += who + ":" + std::string(who.size() < 9 ? 9 - who.size() : 1, ' ') + what + "\n";
  };
  const trust::Iprev& iprev = verdict.iprev;
  say("iprev", finding(iprev.result, options.ip, "") +
                   (iprev.name.empty() ? "; it has no name" : ", " + text::printable(iprev.name)));
  say("HELO", describe(verdict.helo));
  say("SPF", describe(verdict.mail_from));
  for (const trust::Dkim& dkim : verdict.dkim) say("DKIM", describe(dkim));
  if (verdict.dkim.empty()) say("DKIM", "none; the message has no signature");
  if (verdict.arc.result != Outcome::kNone) say("ARC", describe(verdict.arc));
  say("DMARC", describe(verdict.dmarc));
  say("So", describe(disposition));
  return out;
}

int run_auth(const AuthOptions& given) {
  AuthOptions options = given;
  if (options.from.starts_with('<') && options.from.ends_with('>'))
    options.from = options.from.substr(1, options.from.size() - 2);
  if (!trust::parse_ip(options.ip)) {
    std::cerr << "pabal: --ip wants an address such as 192.0.2.1 or 2001:db8::1\n";
    return 2;
  }
  log::set_level(log::Level::kError);
  const auto message = read_all(options.file);
  const auto resolver = message ? resolver_of(options) : Result<std::shared_ptr<dns::Resolver>>(message.error());
  if (!resolver) {
    std::cerr << "pabal: " << resolver.error().message << "\n";
    return 2;
  }
  net::IoLoops loops(1);
  net::Loop& loop = loops.loop(0);
  trust::Arrived arrived{options.ip, options.helo, options.from, options.hostname,
                         std::make_shared<const std::string>(with_crlf(*message))};
  const trust::Verdict verdict =
      wait_for(loop, trust::authenticate({loop, **resolver, loop.now() + trust::kCheckTime}, std::move(arrived)));
  const trust::Disposition disposition = trust::dispose(verdict, [&](std::string_view domain) {
    return std::any_of(options.trusted.begin(), options.trusted.end(),
                       [&](const std::string& one) { return text::iequals(one, domain); });
  });
  std::cout << describe_verdict(verdict, disposition, options);
  loops.stop();
  using Kind = trust::Disposition::Kind;
  return disposition.kind == Kind::kAccept || disposition.kind == Kind::kJunk ? 0 : 1;
}

}  // namespace pabal::app
