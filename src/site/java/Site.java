// SPDX-License-Identifier: Apache-2.0
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.commonmark.ext.gfm.tables.TablesExtension;
import org.commonmark.node.AbstractVisitor;
import org.commonmark.node.Code;
import org.commonmark.node.FencedCodeBlock;
import org.commonmark.node.Heading;
import org.commonmark.node.Link;
import org.commonmark.node.Node;
import org.commonmark.node.SoftLineBreak;
import org.commonmark.node.Text;
import org.commonmark.parser.Parser;
import org.commonmark.renderer.html.AttributeProvider;
import org.commonmark.renderer.html.HtmlRenderer;

/**
 * Renders README and docs to HTML, beside the Javadoc, and follows every link of the result: {@code
 * java Site.java HOME TARGET JAVADOC}. Exit status: 0 done, 1 a link leads nowhere, 2 usage.
 *
 * <p>One file, run from its source: {@code ./te site} calls it with what reads Markdown on its
 * class path.
 */
final class Site {
  /** The pages of the navigation, in the order in which one would read them. */
  private static final Map<String, String> NAVIGATION = new LinkedHashMap<>();

  static {
    NAVIGATION.put("README.md", "Start");
    NAVIGATION.put("docs/GETTING-STARTED.md", "Getting started");
    NAVIGATION.put("docs/COOKBOOK.md", "Cookbook");
    NAVIGATION.put("docs/COMING-FROM.md", "Coming from");
    NAVIGATION.put("docs/EXAMPLES.md", "Examples");
    NAVIGATION.put("docs/DEPLOYING.md", "Deploying");
    NAVIGATION.put("docs/CONFIGURATION.md", "Configuration");
    NAVIGATION.put("docs/OPERATING.md", "Operating");
    NAVIGATION.put("docs/RECIPES.md", "Figures");
    NAVIGATION.put("SECURITY.md", "Security");
    NAVIGATION.put("docs/PERFORMANCE.md", "Performance");
    NAVIGATION.put("docs/PERFORMANCE-HISTORY.md", "What changes cost");
    NAVIGATION.put("docs/EXTENDING.md", "Extending");
    NAVIGATION.put("docs/ARCHITECTURE.md", "Architecture");
    NAVIGATION.put("docs/PROTOCOL.md", "Protocol");
    NAVIGATION.put("docs/adr/README.md", "Decisions");
    NAVIGATION.put("CONTRIBUTING.md", "Contributing");
    NAVIGATION.put("CHANGELOG.md", "Changes");
  }

  /** Pages that others lead to. */
  private static final List<String> FURTHER = List.of("native-headers/README.md");

  private static final String API = "api/index.html";

  private static final Pattern HREF = Pattern.compile("(?:href|src)=\"([^\"]+)\"");
  private static final Pattern ID = Pattern.compile("\\bid=\"([^\"]+)\"");

  /** With a scheme, and so not ours to look after. */
  private static final Pattern ELSEWHERE = Pattern.compile("[a-z][a-z+.-]*:.*");

  private final Path home;
  private final Path target;
  private final Parser parser =
      Parser.builder().extensions(List.of(TablesExtension.create())).build();

  /** Files that a page points at and that are no pages; shown as they are. */
  private final Set<Path> sources = new HashSet<>();

  private Site(Path home, Path target) {
    this.home = home;
    this.target = target;
  }

  public static void main(String[] arguments) throws IOException {
    if (arguments.length != 3) {
      System.err.println("usage: Site HOME TARGET JAVADOC");
      System.exit(2);
    }
    Site site =
        new Site(Path.of(arguments[0]).toRealPath(), Path.of(arguments[1]).toAbsolutePath());
    List<Path> pages = site.pages();
    for (Path page : pages) {
      site.write(page);
    }
    for (Path source : List.copyOf(site.sources)) {
      site.writeSource(source);
    }
    site.copyPictures();
    site.copyJavadoc(Path.of(arguments[2]));
    List<String> broken = site.brokenLinks();
    broken.forEach(link -> System.err.println("site: leads nowhere: " + link));
    if (!broken.isEmpty()) {
      System.exit(1);
    }
    System.out.println(pages.size() + " pages: " + site.target.resolve("index.html"));
  }

  /** README and its like, and all of docs, in which the navigation's are. */
  private List<Path> pages() throws IOException {
    List<Path> pages = new ArrayList<>();
    for (String name : NAVIGATION.keySet()) {
      pages.add(home.resolve(name));
    }
    for (String name : FURTHER) {
      pages.add(home.resolve(name));
    }
    try (Stream<Path> files = Files.walk(home.resolve("docs"))) {
      files
          .filter(file -> file.toString().endsWith(".md"))
          .filter(file -> !pages.contains(file))
          .sorted()
          .forEach(pages::add);
    }
    return pages;
  }

  /** Where a page lies in the site, from its root. */
  private static String place(String page) {
    String html = page.replaceFirst("\\.md$", ".html");
    return html.equals("README.html")
        ? "index.html"
        : html.replaceFirst("/README\\.html$", "/index.html");
  }

  private String name(Path page) {
    return home.relativize(page).toString();
  }

  private void write(Path page) throws IOException {
    Node document = parser.parse(Files.readString(page));
    Headings headings = new Headings();
    document.accept(headings);
    document.accept(new Links(page));
    String body =
        HtmlRenderer.builder()
            .extensions(List.of(TablesExtension.create()))
            .attributeProviderFactory(context -> attributes(headings))
            .build()
            .render(document);
    // A table is wider than a phone; it scrolls by itself, and the page does not.
    body =
        body.replace("<table>", "<div class=\"wide\"><table>")
            .replace("</table>", "</table></div>");
    String place = place(name(page));
    write(place, page(place, headings, body));
  }

  private static AttributeProvider attributes(Headings headings) {
    return (node, tag, attributes) -> {
      if (node instanceof Heading heading) {
        attributes.put("id", headings.ids.get(heading));
      } else if (node instanceof FencedCodeBlock && tag.equals("pre")) {
        attributes.put("tabindex", "0"); // it scrolls: keys must reach it
      }
    };
  }

  private String page(String place, Headings headings, String body) {
    String up = "../".repeat((int) place.chars().filter(character -> character == '/').count());
    StringBuilder navigation = new StringBuilder();
    NAVIGATION.forEach(
        (page, title) -> {
          String there = place(page);
          navigation.append(
              there.equals(place)
                  ? "<a href=\"%s%s\" aria-current=\"page\">%s</a>\n".formatted(up, there, title)
                  : "<a href=\"%s%s\">%s</a>\n".formatted(up, there, title));
        });
    navigation.append("<a href=\"%s%s\">Javadoc</a>\n".formatted(up, API));
    return """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>%s</title>
    <style>%s</style>
    </head>
    <body>
    <nav><details open><summary>Transfer Engine</summary>
    %s</details></nav>
    <main>
    %s</main>
    <script>
    // On a phone the navigation begins closed.
    if (matchMedia("(max-width: 60rem)").matches) document.querySelector("details").open = false;
    </script>
    </body>
    </html>
    """
        .formatted(
            escaped(headings.title),
            STYLE,
            navigation,
            body.replaceFirst("</h1>", "</h1>\n" + Matcher.quoteReplacement(contents(headings))));
  }

  /** The chapters of a long page, below its title. */
  private static String contents(Headings headings) {
    if (headings.chapters.size() < 4) {
      return "";
    }
    StringBuilder list =
        new StringBuilder("<details class=\"contents\"><summary>On this page</summary>\n");
    headings.chapters.forEach(
        (id, text) -> list.append("<a href=\"#%s\">%s</a>\n".formatted(id, escaped(text))));
    return list.append("</details>\n").toString();
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }

  private void writeSource(Path source) throws IOException {
    String place = name(source) + ".html";
    Headings headings = new Headings();
    headings.title = name(source);
    String text = escaped(Files.readString(source));
    write(
        place,
        page(
            place,
            headings,
            "<h1>" + escaped(headings.title) + "</h1>\n<pre tabindex=\"0\">" + text + "</pre>\n"));
  }

  private void write(String place, String text) throws IOException {
    Path file = target.resolve(place);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }

  /** Where the pages name them. */
  private void copyPictures() throws IOException {
    try (Stream<Path> files = Files.walk(home.resolve("docs"))) {
      for (Path file : (Iterable<Path>) files.filter(Site::isPicture)::iterator) {
        Path copy = target.resolve(name(file));
        Files.createDirectories(copy.getParent());
        Files.copy(file, copy);
      }
    }
  }

  private static boolean isPicture(Path file) {
    return file.toString().endsWith(".png") || file.toString().endsWith(".svg");
  }

  private void copyJavadoc(Path javadoc) throws IOException {
    try (Stream<Path> files = Files.walk(javadoc)) {
      for (Path file : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
        Path copy = target.resolve("api").resolve(javadoc.relativize(file).toString());
        Files.createDirectories(copy.getParent());
        Files.copy(file, copy);
      }
    }
  }

  /** Of our own pages; javadoc looks after its own. */
  private List<String> brokenLinks() throws IOException {
    List<Path> files;
    try (Stream<Path> all = Files.walk(target)) {
      files =
          all.filter(file -> file.toString().endsWith(".html"))
              .filter(file -> !file.startsWith(target.resolve("api")))
              .sorted()
              .toList();
    }
    Map<Path, Set<String>> ids = new HashMap<>();
    List<String> broken = new ArrayList<>();
    for (Path file : files) {
      Matcher href = HREF.matcher(Files.readString(file));
      while (href.find()) {
        String link = href.group(1);
        if (ELSEWHERE.matcher(link).matches()) {
          continue;
        }
        String[] parts = link.split("#", 2);
        Path there = parts[0].isEmpty() ? file : file.resolveSibling(parts[0]).normalize();
        if (!ids.containsKey(there)) {
          ids.put(there, Files.isRegularFile(there) ? ids(there) : null);
        }
        Set<String> known = ids.get(there);
        if (known == null || (parts.length > 1 && !known.contains(parts[1]))) {
          broken.add(target.relativize(file) + ": " + link);
        }
      }
    }
    return broken;
  }

  private static Set<String> ids(Path file) throws IOException {
    Set<String> ids = new HashSet<>();
    if (isPicture(file)) {
      return ids;
    }
    Matcher id = ID.matcher(Files.readString(file));
    while (id.find()) {
      ids.add(id.group(1));
    }
    return ids;
  }

  /** The ids of headings, as readers of the Markdown know them: DocumentationTest has the same. */
  private static final class Headings extends AbstractVisitor {
    final Map<Heading, String> ids = new HashMap<>();
    final Map<String, String> chapters = new LinkedHashMap<>();
    private final Map<String, Integer> seen = new HashMap<>();
    String title = "";

    @Override
    public void visit(Heading heading) {
      String text = text(heading);
      String id =
          text.toLowerCase(Locale.ROOT).replaceAll("[^\\p{L}\\p{N} _-]", "").replace(' ', '-');
      int before = seen.merge(id, 1, Integer::sum) - 1;
      ids.put(heading, before == 0 ? id : id + "-" + before);
      if (heading.getLevel() == 1 && title.isEmpty()) {
        title = text;
      } else if (heading.getLevel() == 2) {
        chapters.put(ids.get(heading), text);
      }
    }

    private static String text(Node node) {
      StringBuilder text = new StringBuilder();
      node.accept(
          new AbstractVisitor() {
            @Override
            public void visit(Text part) {
              text.append(part.getLiteral());
            }

            @Override
            public void visit(Code part) {
              text.append(part.getLiteral());
            }

            @Override
            public void visit(SoftLineBreak part) {
              text.append(' ');
            }
          });
      return text.toString();
    }
  }

  /** Turns links between pages of the tree into links between those of the site. */
  private final class Links extends AbstractVisitor {
    private final Path page;

    Links(Path page) {
      this.page = page;
    }

    @Override
    public void visit(Link link) {
      String destination = link.getDestination();
      if (!ELSEWHERE.matcher(destination).matches() && !destination.startsWith("#")) {
        link.setDestination(moved(destination));
      }
      visitChildren(link);
    }

    private String moved(String destination) {
      String[] parts = destination.split("#", 2);
      Path there = page.resolveSibling(parts[0]).normalize();
      String anchor = parts.length == 1 ? "" : "#" + parts[1];
      String place;
      if (there.toString().endsWith(".md") && isPage(there)) {
        place = place(name(there));
      } else {
        sources.add(there);
        place = name(there) + ".html";
      }
      Path from = target.resolve(place(name(page))).getParent();
      return from.relativize(target.resolve(place)) + anchor;
    }

    private boolean isPage(Path there) {
      return there.startsWith(home.resolve("docs"))
          || NAVIGATION.containsKey(name(there))
          || FURTHER.contains(name(there));
    }
  }

  /** Text of at most 80 columns; dark where the reader wants that; nothing is fetched. */
  private static final String STYLE =
      """
      :root { color-scheme: light dark; --line: #d0d7de; --soft: #f6f8fa; --link: #0a58ca; }
      @media (prefers-color-scheme: dark) { :root { --line: #3d444d; --soft: #1c2128; --link: #79b8ff; } }
      * { box-sizing: border-box; }
      body { margin: 0; font: 1rem/1.55 system-ui, sans-serif; display: flex; }
      img { max-width: 100%; }
      nav { flex: 0 0 14rem; padding: 1.5rem 1rem; border-right: 1px solid var(--line);
            height: 100vh; position: sticky; top: 0; overflow-y: auto; }
      nav summary { font-weight: 600; margin-bottom: .5rem; cursor: pointer; }
      nav a { display: block; padding: .2rem .4rem; border-radius: .3rem; }
      nav a[aria-current] { background: var(--soft); font-weight: 600; }
      main { flex: 1; min-width: 0; max-width: 82ch; padding: 1rem 2rem 6rem; }
      a { color: var(--link); text-decoration: none; }
      a:hover, a:focus { text-decoration: underline; }
      h1, h2, h3 { line-height: 1.25; scroll-margin-top: 1rem; }
      h2 { margin-top: 2.5rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
      code, pre { font: .875em/1.5 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
      code { background: var(--soft); padding: .1em .3em; border-radius: .3em; overflow-wrap: anywhere; }
      pre { background: var(--soft); border: 1px solid var(--line); border-radius: .4rem;
            padding: .8rem 1rem; overflow-x: auto; }
      pre code { padding: 0; background: none; overflow-wrap: normal; }
      .wide { overflow-x: auto; }
      table { border-collapse: collapse; font-size: .93em; }
      th, td { border: 1px solid var(--line); padding: .35rem .6rem; text-align: left; vertical-align: top; }
      th { background: var(--soft); }
      .contents { border: 1px solid var(--line); border-radius: .4rem; padding: .5rem 1rem; }
      .contents summary { cursor: pointer; }
      .contents a { display: block; padding: .1rem 0; }
      @media (max-width: 60rem) {
        body { display: block; }
        nav { height: auto; position: static; border-right: 0; border-bottom: 1px solid var(--line); padding: .8rem 1rem; }
        nav summary { margin: 0; }
        nav a { padding: .5rem .4rem; }
        main { padding: .5rem 1rem 4rem; }
      }
      @media print { nav, .contents { display: none; } }
      """;
}
