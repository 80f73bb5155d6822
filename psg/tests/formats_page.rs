//! The page of formats says what the readers read.

const START: &str = "<!-- The rest is written by `NOCTURNE_UPDATE_PAGES=1 cargo test -p nocturne-psg --test formats_page`. -->\n\n";

#[test]
#[expect(clippy::disallowed_methods, reason = "a test has no command line")]
fn reference_is_that_of_the_readers() {
    let path = nocturne_testing::root().join("docs/formats.md");
    let page = std::fs::read_to_string(&path).expect("the page exists");
    let (prose, found) =
        page.split_once(START).expect("the page has a part that is written by this test");
    let expected = format!("## Reference\n\n{}", nocturne_psg::annotation::reference());
    if std::env::var_os("NOCTURNE_UPDATE_PAGES").is_some() {
        std::fs::write(&path, format!("{prose}{START}{expected}"))
            .expect("the page can be written");
        return;
    }
    assert!(found == expected, "docs/formats.md is not up to date; see the comment in it");
}
