"""Tables in files: reads CSV, Excel workbooks and pasted lines as rows of text, and writes CSV.

`reading` opens, `writing` writes, `verdicts` says one verdict a row. What a row means is the domain's
(`bulk_rows`): nothing here knows Slack, the vendor or the database.
"""
