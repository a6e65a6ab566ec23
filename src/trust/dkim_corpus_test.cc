// Signed messages of other implementations, with the keys that their tests publish.
#include <set>

#include "trust/tag_list.h"
#include "trust/test_signatures.h"

namespace pabal::trust {
namespace {

using namespace test_signatures;

#define NEEDS(name) \
  if (!std::filesystem::exists(shared("dkim/" name))) GTEST_SKIP() << "no " name " in the shared data"

// RFC 6376 §C, as errata have it.
const std::string kRfc6376Key =
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/"
    "zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/"
    "RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB";
const std::string kRfc8463Key =
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/"
    "byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/"
    "K4w3QIDAQAB";

// The best of all signatures' outcomes, as told; "none".
std::string best(const Signatures& found) {
  std::string out = "none";
  for (const Dkim& dkim : found.dkim)
    if (dkim.result == Outcome::kPass || out == "none") out = told(dkim);
  return out;
}

void add_mail_dkim_keys(Keys& keys) {
  std::istringstream lines(read_file(shared("dkim/mail-dkim/FAKE_DNS.dat")));
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    const size_t blank = line.find_first_of(" \t");
    const std::string name = line.substr(0, blank), txt(text::trim(std::string_view(line).substr(blank)));
    if (txt.starts_with("~~"))
      keys.fail(name, Code::kUnavailable);
    else if (txt == "\"\"")
      keys.add(name, "");
    else if (txt != "NXDOMAIN")
      keys.add(name, txt);
  }
}

// Made in 2004 to 2023: DomainKeys, drafts of DKIM, rsa-sha1 and keys of 512 bits, all of them obsolete (RFC 8301), and
// some that stand. Those that pass are named; no other may.
TEST(DkimCorpus, MailDkim) {
  NEEDS("mail-dkim");
  const std::set<std::string> good = {"goodkey_ed25519.txt"};
  Keys keys;
  add_mail_dkim_keys(keys);
  int seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(shared("dkim/mail-dkim"))) {
    const std::string name = entry.path().filename();
    if (!name.ends_with(".txt")) continue;
    const std::string message = crlf(read_file(entry.path()));
    const std::string told_of = best(verify(message, keys));
    EXPECT_EQ(told_of == "pass", good.contains(name)) << name << ": " << told_of;
    ++seen;
  }
  EXPECT_EQ(seen, 61);
}

TEST(DkimCorpus, MailAuth) {
  NEEDS("mail-auth");
  int passed = 0;
  for (const auto& entry : std::filesystem::directory_iterator(shared("dkim/mail-auth"))) {
    // Lines "name record", a blank line, and the message.
    const std::string file = crlf(read_file(entry.path()));
    const size_t end = file.find("\r\n\r\n");
    Keys keys;
    std::istringstream lines(file.substr(0, end));
    for (std::string line; std::getline(lines, line);)
      keys.add(line.substr(0, line.find(' ')), std::string(text::trim(line.substr(line.find(' ')))));
    // November 2022: one has x=.
    for (const Dkim& dkim : verify(file.substr(end + 4), keys, from_unix(1'667'900'000)).dkim) {
      EXPECT_EQ(told(dkim), "pass") << entry.path().filename() << " " << dkim.domain;
      ++passed;
    }
  }
  EXPECT_EQ(passed, 8);
}

TEST(DkimCorpus, DkimVerifier) {
  NEEDS("dkim_verifier");
  Keys keys;
  keys.add("brisbane._domainkey.example.com", "v=DKIM1; p=" + kRfc6376Key);
  keys.add("s.flags._domainkey.example.com", "v=DKIM1; t=s; p=" + kRfc6376Key);
  keys.add("brisbane._domainkey.football.example.com",
           "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
  keys.add("test._domainkey.football.example.com", "v=DKIM1; k=rsa; p=" + kRfc8463Key);
  const std::string header = "fail: the header is not the one that was signed, or not by this key";
  // All others that are signed at all pass: whether a Subject was added or who the author is, is not for DKIM to say.
  const std::map<std::string, std::string> not_passing = {
      {"rfc6376-A.2-body_modified.eml", "fail: the body is not the one that was signed"},
      {"rfc6376-A.2-header_subject_modified.eml", header},
      {"rfc6376-A.2-ill_formed-missing_v.eml", "permerror: v= is missing"},
      {"flags_s-auid_is_subdomain_of_sdid.eml",
       "permerror: i= is in a subdomain of d=, which the key does not allow (t=s)"},
      {"added_header-from.eml", "policy: there is a From that is not signed"},
  };
  int passed = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(shared("dkim/dkim_verifier"))) {
    const std::string name = entry.path().filename();
    if (!name.ends_with(".eml")) continue;
    const std::string told_of = best(verify(crlf(read_file(entry.path())), keys));
    const auto other = not_passing.find(name);
    if (told_of == "none") continue;
    EXPECT_EQ(told_of, other == not_passing.end() ? "pass" : other->second) << name;
    passed += told_of == "pass";
  }
  EXPECT_EQ(passed, 20);
}

TEST(DkimCorpus, MimeKit) {
  NEEDS("MimeKit");
  std::string pem = read_file(shared("dkim/MimeKit/gmail.pub"));
  pem = replaced(replaced(pem, "-----BEGIN PUBLIC KEY-----", ""), "-----END PUBLIC KEY-----", "");
  Keys keys;
  keys.add("20120113._domainkey.gmail.com", "k=rsa; p=" + without_blanks(pem));
  for (const char* name : {"gmail.msg", "related.msg", "multipart-no-end-boundary.msg"})
    EXPECT_EQ(best(verify(crlf(read_file(shared("dkim/MimeKit") / name)), keys)), "pass") << name;
}

// Their keys are not published here: the body is the one signed, and there is no key; or what else is wrong.
TEST(DkimCorpus, RspamdAndSpamAssassin) {
  NEEDS("rspamd");
  NEEDS("spamassassin");
  Keys keys;
  keys.add("brisbane._domainkey.football.example.com",
           "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
  keys.add("test._domainkey.football.example.com", "v=DKIM1; k=rsa; p=" + kRfc8463Key);
  const std::string body = "fail: the body is not the one that was signed", missing = "permerror: there is no key";
  const std::map<std::string, std::string> expected = {
      {"ed25519.eml", "pass"},         {"ed25519-broken.eml", "fail: the header"},
      {"dkim_key_too_wide.eml", body}, {"dkim_revoked_key.eml", body},
      {"dkim_huge_hlist.eml", body},   {"bad_dkim_highsecure.eml", body},
      {"bad_dkim_rspamd.eml", body},   {"test-pass-01.msg", "permerror: it is of rsa-sha1"},
  };
  for (const char* folder : {"dkim/rspamd", "dkim/spamassassin"})
    for (const auto& entry : std::filesystem::recursive_directory_iterator(shared(folder))) {
      if (!entry.is_regular_file()) continue;
      const std::string name = entry.path().filename();
      const Signatures found = verify(crlf(read_file(entry.path())), keys);
      if (found.dkim.empty()) continue;
      const auto other = expected.find(name);
      const std::string wanted = other == expected.end() ? missing : other->second;
      EXPECT_TRUE(std::any_of(found.dkim.begin(), found.dkim.end(),
                              [&](const Dkim& dkim) { return told(dkim).starts_with(wanted); }))
          << name << ": " << best(found);
    }
}

}  // namespace
}  // namespace pabal::trust
