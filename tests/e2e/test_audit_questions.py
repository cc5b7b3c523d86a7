"""docs/auditing.md: each question, asked as an auditor with the SQL that stands there, has the answer that stands there.

CAIRN_WRITE_ANSWERS=1 writes the answers anew; look at the difference."""
import os
import re
import subprocess

import pytest

import instance

DOCUMENT = os.path.join(instance.ROOT, "docs/auditing.md")
QUESTION = re.compile(r"^### \d+\. (?P<question>[^\n]+)\n\n```sql\n(?P<sql>.*?)\n```\n\n```\n(?P<answer>.*?)\n```\n", re.S | re.M)


def questions():
    with open(DOCUMENT, encoding="utf-8") as f:
        return list(QUESTION.finditer(f.read()))


def ask(demo, sql):
    done = subprocess.run(["psql", demo.ca.AUDITOR_DATABASE_URL, "-XqA", "-F", " | ", "-P", "footer=off", "-v", "ON_ERROR_STOP=1", "-c", sql], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_there_are_enough():
    """F-41, F-56"""
    with open(DOCUMENT, encoding="utf-8") as f:
        assert len(questions()) == f.read().count("\n### ") >= 25


def test_each_view_is_told(demo):
    """F-41, F-56: the document names what there is to be asked"""
    with open(DOCUMENT, encoding="utf-8") as f:
        told = set(re.findall(r"`(audit\.[a-z_]+)`", f.read()))
    assert {f"audit.{name}" for name, in demo.ca.sql("SELECT DISTINCT name FROM audit.dictionary WHERE schema = 'audit'")} <= told


@pytest.mark.parametrize("number", range(len(questions())))
def test_answer(demo, number):
    """F-43, G-2, G-3, G-4: the records answer it"""
    found = questions()[number]
    answer = ask(demo, found["sql"])
    if os.environ.get("CAIRN_WRITE_ANSWERS"):
        with open(DOCUMENT, encoding="utf-8") as f:
            text = f.read()
        with open(DOCUMENT, "w", encoding="utf-8") as f:
            f.write(text[:found.start("answer")] + answer + text[found.end("answer"):])
        return
    assert answer == found["answer"], found["question"]
