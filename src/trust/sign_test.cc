#include "trust/sign.h"

#include <yaml-cpp/yaml.h>

#include <random>

#include "trust/dkim_key.h"
#include "trust/header_index.h"
#include "trust/signature_field.h"
#include "trust/tag_list.h"
#include "trust/test_signatures.h"

namespace pabal::trust {
namespace {

using namespace test_signatures;

const Time kNow = from_unix(1'800'000'000);
const std::string kMail =
    "From: Alice <alice@example.com>\r\nTo: bob@example.org\r\nSubject: Hello\r\nDate: Fri, 15 Jan 2027 08:00:00 "
    "+0000\r\n"
    "Message-ID: <1@example.com>\r\nList-Id: <a.example.com>\r\n\r\nText  of the\tmessage \r\n\r\n";

// A key of each kind for one domain, and their records.
struct Signer {
  std::vector<SigningKey> keys;
  explicit Signer(Keys& published, const std::string& domain = "example.com") {
    static const auto rsa = make_dkim_key(DkimAlgorithm::kRsa2048), ed = make_dkim_key(DkimAlgorithm::kEd25519);
    for (const auto& [selector, made] : {std::pair("r2026", &rsa), std::pair("e2026", &ed)}) {
      published.add(std::string(selector) + "._domainkey." + domain, (*made)->txt);
      keys.push_back(*SigningKey::load(domain, selector, (*made)->private_pem));
    }
  }
};

TEST(Sign, BothKindsVerify) {
  Keys published;
  const Signer signer(published);
  const auto fields = sign_dkim(kMail, signer.keys, kNow);
  ASSERT_TRUE(fields);
  const Signatures found = verify(*fields + kMail, published, kNow);
  ASSERT_EQ(found.dkim.size(), 2u);
  EXPECT_EQ(told(found.dkim[0]), "pass");
  EXPECT_EQ(found.dkim[0].algorithm, "rsa-sha256");
  EXPECT_EQ(found.dkim[0].key_bits, 2048u);
  EXPECT_EQ(told(found.dkim[1]), "pass");
  EXPECT_EQ(found.dkim[1].algorithm, "ed25519-sha256");
  for (const std::string_view line : text::split(*fields, '\n')) EXPECT_LE(line.size(), 79u) << line;
}

TEST(Sign, LargeBodies) {
  Keys published;
  const Signer signer(published);
  std::string message = kMail;
  while (message.size() < 5 << 20) message += "a line of  text \r\n\r\n";
  EXPECT_EQ(told(verify(*sign_dkim(message, signer.keys, kNow) + message, published, kNow).dkim.at(0)), "pass");
}

TEST(Sign, AnotherOfAFieldThatCountsBreaksIt) {
  Keys published;
  const Signer signer(published);
  const std::string good = *sign_dkim(kMail, signer.keys, kNow) + kMail;
  for (const std::string field :
       {"From: ceo@example.com", "To: x@example.com", "Cc: x@example.com", "Subject: Won", "Date: x",
        "Message-ID: <2@x>", "Reply-To: thief@example.net", "In-Reply-To: <3@x>", "References: <3@x>",
        "MIME-Version: 1.0", "Content-Type: text/html", "Content-Transfer-Encoding: base64", "List-Id: <other>"}) {
    const bool counts = !field.starts_with("List-");
    EXPECT_EQ(told(verify(field + "\r\n" + good, published, kNow).dkim.at(0)) == "pass", !counts) << field;
    // Below the signed one it is the one that is covered.
    const std::string below = replaced(good, "\r\n\r\nText", "\r\n" + field + "\r\n\r\nText");
    EXPECT_NE(told(verify(below, published, kNow).dkim.at(0)), "pass") << field;
  }
  EXPECT_EQ(told(verify("X-Spam: no\r\n" + good, published, kNow).dkim.at(1)), "pass");
}

// Any message whose lines end in CRLF, signed and verified; and changed in one octet that counts, it fails.
TEST(Sign, AnyMessage) {
  Keys published;
  const Signer signer(published);
  std::mt19937 random(20261127);
  const auto pick = [&](auto& from) { return std::string(from[random() % std::size(from)]); };
  const std::string_view names[] = {"From",     "to",     "CC",           "Subject",        "X-A",     "List-Id",
                                    "List-;x=", "Sender", "Content-Type", "DKIM-Signature", "Received"};
  const std::string_view values[] = {
      "", " a", " a@example.com", "\r\n fold", " \t\r\n\t ", " caf\xc3\xa9", " \xff\xfe", " b=; v=1", " (x) <y>"};
  const std::string_view pieces[] = {"\r\n", " ", "\t", "text", "=20", ".", "\xc3\xa9", "\n", "\r", "x \r\n"};
  for (int round = 0; round < 400; ++round) {
    std::string message;
    for (size_t n = random() % 8; n > 0; --n) message += pick(names) + ":" + pick(values) + pick(values) + "\r\n";
    if (message.empty() || random() % 8 != 0) message += "\r\n";
    for (size_t n = random() % 30; n > 0; --n) message += pick(pieces);
    const auto fields = sign_dkim(message, signer.keys, kNow);
    ASSERT_TRUE(fields);
    const HeaderIndex unsigned_header(message);
    const Signatures found = verify(*fields + message, published, kNow);
    ASSERT_GE(found.dkim.size(), 2u);
    ASSERT_EQ(told(found.dkim[0]), "pass") << text::printable(message, 3000);
    ASSERT_EQ(told(found.dkim[1]), "pass") << text::printable(message, 3000);
    if (unsigned_header.body().empty()) continue;
    std::string changed = *fields + message;
    changed[changed.size() - 1 - random() % unsigned_header.body().size()] ^= 0x40;
    ASSERT_EQ(found.dkim[0].result, Outcome::kPass);
    ASSERT_NE(told(verify(changed, published, kNow).dkim[0]), "pass") << text::printable(changed, 3000);
  }
}

TEST(Sign, RefusesWhatCannotBeSigned) {
  Keys published;
  const Signer signer(published);
  std::string many;
  for (int i = 0; i < 300; ++i) many += "To: a@example.com\r\n";
  EXPECT_EQ(sign_dkim(many + kMail, signer.keys, kNow).code(), Code::kLimit);
  EXPECT_EQ(*sign_dkim(kMail, {}, kNow), "");
  EXPECT_EQ(SigningKey::load("example.com", "a", "no key").code(), Code::kInvalid);
  EXPECT_EQ(SigningKey::load("exam ple", "a", make_dkim_key(DkimAlgorithm::kEd25519)->private_pem).code(),
            Code::kInvalid);
}

// A signature as our signer never makes one: `tags` in place of its own, b= and bh= filled in.
std::string signed_with(const std::string& tags, const std::string& message, const SigningKey& key) {
  std::string field = "DKIM-Signature: v=1; d=example.com; s=" + key.selector() + "; bh=" + std::string(43, 'A') +
                      "=; b=AAAA; " + tags + "\r\n";
  const HeaderIndex header(message);
  const SignatureField draft = read_signature(SignatureField::Kind::kDkim, field);
  BodyHasher hasher;
  hasher.want(draft.body, draft.length);
  hasher.feed(header.body());
  hasher.finish();
  field = replaced(field, std::string(43, 'A') + "=", text::base64(hasher.hash(draft.body, draft.length)));
  const SignatureField signature = read_signature(SignatureField::Kind::kDkim, field);
  std::string text;
  for (const size_t at : header.choose(signature.names, header.fields().size()))
    append_canonical_field(text, signature.header, header.text(at));
  append_unsigned_field(text, signature, field);
  return replaced(field, "b=AAAA", "b=" + text::base64(*key.sign(sha256_of(text)))) + message;
}

struct Foreign {
  Keys published;
  const Signer signer{published};
  std::string verdict(const std::string& tags, const std::string& added = "") {
    return told(
        verify(signed_with("a=ed25519-sha256; " + tags, kMail, signer.keys[1]) + added, published, kNow).dkim.at(0));
  }
};

TEST(Dkim, TextBehindTheSignedLengthGetsNoCredit) {
  Foreign foreign;
  // "Text  of the\tmessage \r\n" is 23 octets in the simple form.
  EXPECT_EQ(foreign.verdict("h=from; l=23"), "pass");
  EXPECT_EQ(foreign.verdict("h=from; l=23", "Buy now"), "policy: the last 11 octets of the body are not signed (l=)");
  EXPECT_EQ(foreign.verdict("h=from; l=10"), "policy: the last 13 octets of the body are not signed (l=)");
  EXPECT_EQ(foreign.verdict("h=from; l=0"), "policy: the last 23 octets of the body are not signed (l=)");
  EXPECT_EQ(foreign.verdict("h=from; c=relaxed/relaxed; l=21"), "pass");
  const std::string more = replaced(signed_with("a=ed25519-sha256; h=from; l=23", kMail, foreign.signer.keys[1]),
                                    "l=23", "l=99999999999999999999999999999999999999999999");
  EXPECT_EQ(told(verify(more, foreign.published, kNow).dkim[0]), "fail: the body is shorter than l= says");
}

TEST(Dkim, TimesHaveSomeSlack) {
  Foreign foreign;
  const int64_t now = to_unix(kNow), slack = 30 * 60;
  EXPECT_EQ(foreign.verdict("h=from; x=" + std::to_string(now - slack)), "pass");
  EXPECT_EQ(foreign.verdict("h=from; x=" + std::to_string(now - slack - 1)),
            "permerror: it expired at 2027-01-15T07:29:59Z");
  EXPECT_EQ(foreign.verdict("h=from; t=" + std::to_string(now + slack)), "pass");
  EXPECT_EQ(foreign.verdict("h=from; t=" + std::to_string(now + slack + 1)),
            "policy: it was made in the future, says its t=");
  EXPECT_EQ(foreign.verdict("h=from; t=1; x=999999999999"), "pass");
}

TEST(Dkim, BothFormsOfHeaderAndBody) {
  Foreign foreign;
  for (const std::string form :
       {"simple", "relaxed", "simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"})
    EXPECT_EQ(foreign.verdict("h=from:subject:x-none:date; c=" + form), "pass") << form;
  EXPECT_EQ(foreign.verdict(
                "h= From : Subject\r\n : Date; i=caf\xc3\xa9@sub.example.com; q=dns/other:dns/txt; z=From:x|To:y"),
            "pass");
}

TEST(Dkim, InternationalDomains) {  // RFC 8616
  Keys published;
  const auto made = make_dkim_key(DkimAlgorithm::kEd25519);
  published.add("xn--schlssel-95a._domainkey.xn--bcher-kva.example", made->txt);
  const auto key = SigningKey::load("xn--bcher-kva.example", "xn--schlssel-95a", made->private_pem);
  ASSERT_TRUE(key);
  EXPECT_EQ(told(verify(*sign_dkim(kMail, {*key}, kNow) + kMail, published, kNow).dkim[0]), "pass");
  // d= and s= as U-labels lead to the same key: only the text of the signature is another.
  std::string field = *sign_dkim(kMail, {*key}, kNow);
  field = replaced(replaced(field, "d=xn--bcher-kva.example",
                            "d=b\xc3\xbc"
                            "cher.example"),
                   "s=xn--schlssel-95a", "s=schl\xc3\xbcssel");
  const Dkim found = verify(field + kMail, published, kNow).dkim[0];
  EXPECT_EQ(found.domain, "xn--bcher-kva.example");
  EXPECT_EQ(found.selector, "xn--schlssel-95a");
  EXPECT_TRUE(told(found).starts_with("fail: the header")) << told(found);
}

TEST(Seal, AChainGrowsAndHolds) {
  Keys published;
  const Signer first(published, "example.com"), second(published, "example.net");
  std::string message = kMail;
  for (unsigned i = 1; i <= 50; ++i) {
    const Signer& signer = i % 2 ? first : second;
    const Signatures found = verify(message, published, kNow);
    ASSERT_EQ(told(found.arc), i == 1 ? "none" : "pass");
    const auto fields = seal_arc(message, found.arc, "spf=pass smtp.mailfrom=a.example; dkim=none; arc=pass",
                                 "mx.example.com", signer.keys[i / 2 % 2], kNow);
    ASSERT_TRUE(fields);
    message = *fields + message;
  }
  const Signatures found = verify(message, published, kNow);
  EXPECT_EQ(told(found.arc), "pass");
  ASSERT_EQ(found.arc.sets.size(), 50u);
  EXPECT_EQ(found.arc.sets[1].instance, 2u);
  EXPECT_EQ(found.arc.sets[1].domain, "example.net");
  EXPECT_EQ(found.arc.sets[1].results, "mx.example.com;\tspf=pass smtp.mailfrom=a.example;\tdkim=none;\tarc=pass");
  EXPECT_EQ(found.arc.oldest_pass, 0u);
  // RFC 8617 §4.2.1: there is no 51st.
  EXPECT_EQ(*seal_arc(message, found.arc, "arc=pass", "mx.example.com", first.keys[0], kNow), "");
}

TEST(Seal, AChangedMessageStillHasAChain) {
  Keys published;
  const Signer signer(published);
  const Signatures before = verify(kMail, published, kNow);
  const std::string once = *seal_arc(kMail, before.arc, "arc=none", "mx.example.com", signer.keys[0], kNow) + kMail;
  const Signatures found = verify(once, published, kNow);
  // A list changes the subject, and seals.
  const std::string changed = replaced(once, "Subject: Hello", "Subject: [list] Hello");
  EXPECT_EQ(verify(changed, published, kNow).arc.result, Outcome::kFail);
  const std::string twice =
      *seal_arc(changed, found.arc, "arc=pass", "lists.example.com", signer.keys[1], kNow) + changed;
  const Signatures after = verify(twice, published, kNow);
  EXPECT_EQ(told(after.arc), "pass");
  EXPECT_EQ(after.arc.oldest_pass, 2u);
}

TEST(Seal, ABrokenChainIsClosedOnce) {
  Keys published;
  const Signer signer(published);
  const std::string once =
      *seal_arc(kMail, verify(kMail, published, kNow).arc, "arc=none", "mx.example.com", signer.keys[0], kNow) + kMail;
  const std::string changed = replaced(once, "Hello", "Hallo");
  const Signatures found = verify(changed, published, kNow);
  ASSERT_EQ(found.arc.result, Outcome::kFail);
  const auto closing = seal_arc(changed, found.arc, "arc=fail", "mx.example.net", signer.keys[0], kNow);
  ASSERT_TRUE(closing);
  EXPECT_NE(closing->find("cv=fail"), std::string::npos);
  EXPECT_NE(closing->find("i=2;"), std::string::npos);
  const std::string closed = *closing + changed;
  EXPECT_EQ(told(verify(closed, published, kNow).arc),
            "fail: the seal of ARC set 2 says that the chain was broken before it (cv=fail)");
  EXPECT_EQ(*seal_arc(closed, verify(closed, published, kNow).arc, "arc=fail", "x", signer.keys[0], kNow), "");
}

TEST(Seal, ResultsCannotBeginAnotherField) {
  Keys published;
  const Signer signer(published);
  for (const std::string bad : {"spf=pass\r\nBcc: x", "spf=pass\nBcc: x", "spf=pass\r\n", "a\rb"})
    EXPECT_EQ(seal_arc(kMail, Arc{}, bad, "mx.example.com", signer.keys[0], kNow).code(), Code::kInvalid) << bad;
  EXPECT_TRUE(seal_arc(kMail, Arc{}, "spf=pass;\r\n\tdkim=none", "mx.example.com", signer.keys[0], kNow));
}

// The signing tests of ValiMail's suite. Its sets are made octet by octet from our pieces (its own order of tags and
// list of fields), hold here, and have the same instance, status and body hash as the ones that we make.
TEST(ArcCorpus, Signing) {
  const auto path = shared("arc/arc_test_suite/arc-draft-sign-tests.yml");
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no ARC suite in the shared data";
  int seen = 0;
  for (const YAML::Node& scenario : YAML::LoadAllFromFile(path)) {
    Keys keys;
    for (const auto& record : scenario["txt-records"])
      keys.add(record.first.as<std::string>(), record.second.as<std::string>());
    const auto key = SigningKey::load(scenario["domain"].as<std::string>(), scenario["sel"].as<std::string>(),
                                      scenario["privatekey"].as<std::string>());
    ASSERT_TRUE(key);
    for (const auto& test : scenario["tests"]) {
      const auto name = test.first.as<std::string>();
      SCOPED_TRACE(name);
      ++seen;
      const std::string message = crlf(test.second["message"].as<std::string>());
      const Arc found = verify(message, keys).arc;
      const auto part = [&](const char* of) {
        return crlf(std::string(text::trim(test.second[of].as<std::string>(""))));
      };
      // The suite shows b= folded and seals it in one line.
      const auto folded = [](std::string text) {
        if (const size_t line = text.find("\r\nb="); line != text.npos) {
          const size_t stop = text.find(';', line);
          text = text.substr(0, line + 2) + without_blanks(text.substr(line, stop - line)) + text.substr(stop);
        }
        for (size_t at = 0; (at = text.find("\r\n", at)) != text.npos; at += 3) text.replace(at, 2, "\r\n ");
        return text + "\r\n";
      };
      const auto ours = seal_arc(message, found, "arc=none", "lists.example.org", *key, from_unix(12345));
      ASSERT_TRUE(ours);
      if (part("AS").empty()) {
        EXPECT_EQ(*ours, "");
        continue;
      }
      const std::string theirs = folded("ARC-Seal: " + part("AS")) + folded("ARC-Message-Signature: " + part("AMS")) +
                                 folded("ARC-Authentication-Results: " + part("AAR"));
      const std::string sealed = theirs + message;
      const HeaderIndex header(sealed), own(*ours);
      const SignatureField ams = read_signature(SignatureField::Kind::kArcMessage, header.text(1));
      const SignatureField seal = read_signature(SignatureField::Kind::kArcSeal, header.text(0));
      const SignatureField our_ams = read_signature(SignatureField::Kind::kArcMessage, own.text(1));
      const SignatureField our_seal = read_signature(SignatureField::Kind::kArcSeal, own.text(0));
      EXPECT_EQ(our_ams.instance, ams.instance);
      EXPECT_EQ(our_seal.instance, seal.instance);
      EXPECT_EQ(our_seal.chain, seal.chain);
      EXPECT_EQ(text::base64(our_ams.body_hash), text::base64(ams.body_hash));

      std::string text;
      for (const size_t at : header.choose(ams.names, 1))
        append_canonical_field(text, Canonicalization::kRelaxed, header.text(at));
      append_unsigned_field(text, ams, header.text(1));
      EXPECT_EQ(text::base64(*key->sign(sha256_of(text))), text::base64(ams.signature));
      const Arc after = verify(sealed, keys).arc;
      EXPECT_EQ(after.result, seal.chain == "fail" ? Outcome::kFail : Outcome::kPass) << told(after);
      EXPECT_EQ(verify(*ours + message, keys).arc.result, after.result);
      if (seal.chain == "fail") {  // RFC 8617 §5.1.2: only this set
        text.clear();
        append_canonical_field(text, Canonicalization::kRelaxed, header.text(2));
        append_canonical_field(text, Canonicalization::kRelaxed, header.text(1));
        append_unsigned_field(text, seal, header.text(0));
        EXPECT_EQ(text::base64(*key->sign(sha256_of(text))), text::base64(seal.signature));
      }
    }
  }
  EXPECT_EQ(seen, 17);
}

}  // namespace
}  // namespace pabal::trust
