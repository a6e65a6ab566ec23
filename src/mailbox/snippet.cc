#include "mailbox/snippet.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace pabal::mailbox {
namespace {

using Op = Query::Op;

constexpr std::string_view kOpen = "<mark>", kClose = "</mark>";
constexpr size_t kBefore = 60;          // octets of text shown before the first mark, at most
constexpr size_t kMaxSpans = 1'000;     // marks of one text
constexpr size_t kMaxStarts = 100;      // beginnings of a preview that are compared
constexpr size_t kMaxBackToBlank = 40;  // octets given up at the end so that no word is cut

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool continues_character(char c) { return (c & 0xC0) == 0x80; }

// Writes the character at `at` as HTML, and gives where the next begins. Of control characters nothing is left.
size_t write(std::string_view text, size_t at, std::string& out) {
  const char c = text[at];
  if (is_blank(c)) {
    if (!out.empty() && out.back() != ' ') out += ' ';
    return at + 1;
  }
  size_t end = at + 1;
  while (end < text.size() && continues_character(text[end])) ++end;
  if (c == '&')
    out += "&amp;";
  else if (c == '<')
    out += "&lt;";
  else if (c == '>')
    out += "&gt;";
  else if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F)
    out.append(text, at, end - at);
  return end;
}

struct Shown {
  std::string html;
  size_t marks = 0;          // spans that are in it
  std::set<size_t> texts{};  // whose
};

// From `begin` on up to `limit` octets.
template <typename Spans>
Shown shown(std::string_view text, size_t begin, const Spans& spans, size_t limit) {
  Shown out;
  auto span = std::find_if(spans.begin(), spans.end(), [&](const auto& s) { return s.begin >= begin; });
  bool whole = true;
  for (size_t at = begin; at < text.size();) {
    if (span != spans.end() && at == span->begin) {
      std::string marked(kOpen);
      for (size_t in = at; in < span->end;) in = write(text, in, marked);
      marked += kClose;
      if (out.html.size() + marked.size() > limit) {
        whole = false;
        break;
      }
      out.html += marked;
      out.texts.insert(span->text);
      ++out.marks;
      at = span->end;
      ++span;
      continue;
    }
    std::string next = out.html.empty() ? "" : std::string(1, out.html.back());
    const size_t had = next.size();
    const size_t end = write(text, at, next);
    if (out.html.size() + next.size() - had > limit) {
      whole = false;
      break;
    }
    out.html.append(next, had, next.npos);
    at = end;
  }
  if (!whole && !out.html.ends_with(kClose)) {  // no part of a word at the end, if it has one
    const size_t blank = out.html.find_last_of(' ');
    const size_t mark = out.html.rfind(kClose);
    if (blank != out.html.npos && out.html.size() - blank <= kMaxBackToBlank && (mark == out.html.npos || blank > mark))
      out.html.resize(blank);
  }
  while (out.html.ends_with(' ')) out.html.pop_back();
  return out;
}

// Where a preview begins that has a mark at `mark`: some words before it.
size_t begin_before(std::string_view text, size_t mark) {
  if (mark <= kBefore) return 0;
  size_t begin = mark - kBefore;
  while (begin < mark && continues_character(text[begin])) ++begin;
  for (size_t at = begin; at < mark; ++at)
    if (is_blank(text[at])) return at + 1;
  return begin;
}

// The text parts, as the index takes them: of several forms of one text the plain one.
void gather(std::string_view bytes, const message::Part& part, std::string& out) {
  if (out.size() >= kMaxSnippetText) return;
  if (part.is_multipart() && part.subtype == "alternative")
    for (const message::Part& child : part.children)
      if (child.is_text() && child.subtype == "plain" && child.body_size > 0) return gather(bytes, child, out);
  if (part.is_text() && part.children.empty()) out += message::part_text(bytes, part) + "\n";
  for (const message::Part& child : part.children) gather(bytes, child, out);
}

}  // namespace

SnippetWords::SnippetWords(const Query& query) { add(query); }

void SnippetWords::add(const Query& query) {
  if (query.op == Op::kNot) return;
  const bool any = query.op == Op::kText;
  if (any || query.op == Op::kSubject || query.op == Op::kBody) {
    TextWords words = words_of_text(query.text, query.exact, query.prefix);
    if (!words.words.empty())
      texts_.push_back({std::move(words), any || query.op == Op::kSubject, any || query.op == Op::kBody});
  }
  for (const Query& child : query.children) add(child);
}

// In order, none over another.
std::vector<SnippetWords::Span> SnippetWords::spans(std::string_view utf8, bool subject) const {
  const WordsInText words(utf8);
  std::vector<Span> all;
  for (size_t i = 0; i < texts_.size(); ++i) {
    if (!(subject ? texts_[i].in_subject : texts_[i].in_text)) continue;
    auto places = words.places(texts_[i].words.words);
    if (places.empty() && texts_[i].words.instead) places = words.places(*texts_[i].words.instead);
    for (const auto& place : places) all.push_back({place.front().begin, place.back().end, i});
  }
  std::sort(all.begin(), all.end(), [](const Span& a, const Span& b) { return a.begin < b.begin; });
  std::vector<Span> out;
  for (const Span& span : all) {
    if (!out.empty() && span.begin < out.back().end)
      out.back().end = std::max(out.back().end, span.end);
    else if (out.size() < kMaxSpans)
      out.push_back(span);
  }
  return out;
}

std::optional<std::string> SnippetWords::subject(std::string_view utf8) const {
  const std::vector<Span> found = spans(utf8, true);
  if (found.empty()) return {};
  return shown(utf8, 0, found, SIZE_MAX).html;
}

std::optional<std::string> SnippetWords::preview(std::string_view utf8) const {
  utf8 = message::utf8_prefix(utf8, kMaxSnippetText);
  const std::vector<Span> found = spans(utf8, false);
  Shown best;
  for (size_t i = 0; i < std::min(found.size(), kMaxStarts); ++i) {
    size_t begin = begin_before(utf8, found[i].begin);
    if (i > 0) begin = std::max(begin, found[i - 1].end);
    Shown one = shown(utf8, begin, found, kMaxPreview);
    if (one.marks == 0) one = shown(utf8, found[i].begin, found, kMaxPreview);
    if (one.texts.size() > best.texts.size() || (one.texts.size() == best.texts.size() && one.marks > best.marks))
      best = std::move(one);
  }
  if (best.marks == 0) return {};
  return std::move(best.html);
}

Result<Snippet> snippet(const Mailboxes& boxes, const store::Reader& r, AccountId account, MessageId id,
                        const SnippetWords& words) {
  const auto m = boxes.message(r, account, id);
  if (!m) return m.error();
  const auto details = *m ? boxes.details(r, account, id) : std::optional<Details>();
  if (!details) return details.error();
  if (!*details) return Error{Code::kNotFound, "there is no such message"};
  const auto body = boxes.body(r, (*m)->body);
  if (!body) return body.error();
  const message::Message& structure = (*details)->structure;
  std::string text;
  gather(*body, structure.root, text);
  return Snippet{words.subject(message::decode_words(structure.summary.subject)), words.preview(text)};
}

}  // namespace pabal::mailbox
